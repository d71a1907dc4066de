"""Sends a plan's requests: each once, in parallel within bounds, those with side effects last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Executor

from virtrigaud_secrets.errors import ClosedError, SecretNotFoundError, SecretsError, raise_all
from virtrigaud_secrets.resolver.plan import Asked, DataStep, Plan, asked_by
from virtrigaud_secrets.stores.base import Answer, Fetch, Preview, StoreClient, StoreKey

ClientOf = Callable[[StoreKey], StoreClient]
"""Finds the client of a store."""

Outcome = Answer | Mapping[str, Answer] | SecretsError
"""What became of a request or search."""

Job = tuple[StoreClient, list[Fetch]]
"""What one call of a client is for."""


Answers = Mapping[Asked, Answer | Mapping[str, Answer]]
"""What was asked → what came back; of a search, the secrets found by name."""


def execute(plan: Plan, client_of: ClientOf, pool: Callable[[], Executor]) -> Answers:
    """The answer to every request and search of `plan`. A missing secret is left out where the plan skips missing ones.

    Requests that make something are sent only after all others were answered: a credential that nobody gets is a
    login that nobody ends. `pool` is asked for only where there is something to do at the same time.

    Raises:
        ClosedError: the resolver was closed meanwhile.
        SecretsError: the one fault; ResolveError where there are several, in the order of the manifest.
    """
    outcomes: dict[Asked, Outcome] = {}
    harmless, rest = _by_side_effect(plan.requests)
    outcomes.update(_send(harmless, client_of, pool))
    for query in plan.searches:
        try:
            outcomes[query] = client_of(query.store).find(query)
        except SecretsError as error:
            outcomes[query] = error
    _raise_faults(plan, outcomes)
    outcomes.update(_send(rest, client_of, pool))
    _raise_faults(plan, outcomes)
    return {asked: outcome for asked, outcome in outcomes.items() if not isinstance(outcome, SecretsError)}


def _by_side_effect(requests: Iterable[Preview]) -> tuple[list[Fetch], list[Fetch]]:
    harmless: list[Fetch] = []
    rest: list[Fetch] = []
    for request in requests:
        (rest if request.side_effect else harmless).append(request.fetch)
    return harmless, rest


def _send(fetches: Sequence[Fetch], client_of: ClientOf, pool: Callable[[], Executor]) -> dict[Asked, Outcome]:
    jobs: list[Job] = []
    outcomes: dict[Asked, Outcome] = {}
    for fetch in fetches:
        try:
            client = client_of(fetch.store)
        except SecretsError as error:
            outcomes[fetch] = error
            continue
        batch = next((batch for known, batch in jobs if known is client and client.batches), None)
        if batch is None:
            jobs.append((client, [fetch]))
        else:
            batch.append(fetch)

    def run(job: Job) -> list[Answer | SecretsError]:
        client, batch = job
        return client.get_all(batch)

    results = _in_parallel(run, jobs, pool) if len(jobs) > 1 else map(run, jobs)
    for (_, batch), found in zip(jobs, results, strict=True):
        outcomes.update(zip(batch, found, strict=True))
    return {fetch: outcomes[fetch] for fetch in fetches}


def _in_parallel(
    run: Callable[[Job], list[Answer | SecretsError]], jobs: Sequence[Job], pool: Callable[[], Executor]
) -> Iterator[list[Answer | SecretsError]]:
    try:
        results = pool().map(run, jobs)
    except RuntimeError:
        raise _no_thread() from None
    try:
        yield from results
    except CancelledError:
        raise _no_thread() from None


def _no_thread() -> ClosedError:
    return ClosedError("no thread takes requests: the resolver was closed meanwhile, or the process ends")


def _raise_faults(plan: Plan, outcomes: Mapping[Asked, Outcome]) -> None:
    faults: list[SecretsError] = []
    for asked, outcome in outcomes.items():
        if isinstance(outcome, ClosedError):
            raise outcome.at(plan.manifest)  # one for all: the resolver was closed meanwhile
        if not isinstance(outcome, SecretsError) or (plan.skip_missing and _may_be_left_out(plan, asked, outcome)):
            continue
        faults.append(outcome.at(plan.manifest, *plan.fields_of(asked)))
    raise_all(faults, plan.manifest)


def _may_be_left_out(plan: Plan, asked: Asked, error: SecretsError) -> bool:
    if not isinstance(error, SecretNotFoundError) or not is_missing(error):
        return False
    return error.missing_value or not any(isinstance(step, DataStep) for step in plan.steps if asked_by(step) == asked)


def is_missing(error: SecretsError) -> bool:
    """Whether ESO would say "Secret does not exist"."""
    return isinstance(error, SecretNotFoundError) and error.missing
