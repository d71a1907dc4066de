"""Sends a plan's requests: each once, in parallel within bounds, those with side effects last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor

from virtrigaud_secrets.errors import ClosedError, SecretNotFoundError, SecretsError, raise_all
from virtrigaud_secrets.resolver.plan import DataStep, Plan
from virtrigaud_secrets.stores.base import Answer, Fetch, Preview, StoreClient, StoreKey

ClientOf = Callable[[StoreKey], StoreClient]
"""Finds the client of a store."""

Outcome = Answer | SecretsError
"""What became of a request."""


def execute(plan: Plan, client_of: ClientOf, pool: Callable[[], Executor]) -> Mapping[Fetch, Answer]:
    """The answer to every request of `plan`. A missing secret is left out where the plan skips missing ones.

    Requests that make something are sent only after all others were answered: a credential that nobody gets is a
    login that nobody ends. `pool` is asked for only where there is something to do at the same time.

    Raises:
        ClosedError: the resolver was closed meanwhile.
        SecretsError: the one fault; ResolveError where there are several, in the order of the manifest.
    """
    outcomes: dict[Fetch, Outcome] = {}
    for requests in _by_side_effect(plan.requests):
        fetches = [request.fetch for request in requests]
        outcomes.update(zip(fetches, _send(fetches, client_of, pool), strict=True))
        _raise_faults(plan, outcomes)
    return {fetch: outcome for fetch, outcome in outcomes.items() if isinstance(outcome, Answer)}


def _by_side_effect(requests: Iterable[Preview]) -> tuple[list[Preview], list[Preview]]:
    harmless: list[Preview] = []
    rest: list[Preview] = []
    for request in requests:
        (rest if request.side_effect else harmless).append(request)
    return harmless, rest


def _send(fetches: Sequence[Fetch], client_of: ClientOf, pool: Callable[[], Executor]) -> list[Outcome]:
    jobs: list[tuple[StoreClient, list[Fetch]]] = []
    outcomes: dict[Fetch, Outcome] = {}
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

    def run(job: tuple[StoreClient, list[Fetch]]) -> list[Outcome]:
        client, batch = job
        return client.get_all(batch)

    results = _in_parallel(run, jobs, pool) if len(jobs) > 1 else map(run, jobs)
    for (_, batch), found in zip(jobs, results, strict=True):
        outcomes.update(zip(batch, found, strict=True))
    return [outcomes[fetch] for fetch in fetches]


def _in_parallel(
    run: Callable[[tuple[StoreClient, list[Fetch]]], list[Outcome]],
    jobs: Sequence[tuple[StoreClient, list[Fetch]]],
    pool: Callable[[], Executor],
) -> Iterator[list[Outcome]]:
    try:
        return pool().map(run, jobs)
    except RuntimeError:
        raise ClosedError("no thread takes requests: the resolver was closed meanwhile, or the process ends") from None


def _raise_faults(plan: Plan, outcomes: Mapping[Fetch, Outcome]) -> None:
    faults: list[SecretsError] = []
    for fetch, outcome in outcomes.items():
        if isinstance(outcome, ClosedError):
            raise outcome.at(plan.manifest)  # one for all: the resolver was closed meanwhile
        if isinstance(outcome, Answer) or (plan.skip_missing and _may_be_left_out(plan, fetch, outcome)):
            continue
        faults.append(outcome.at(plan.manifest, *plan.fields_of(fetch)))
    raise_all(faults, plan.manifest)


def _may_be_left_out(plan: Plan, fetch: Fetch, error: SecretsError) -> bool:
    if not isinstance(error, SecretNotFoundError) or not is_missing(error):
        return False
    return error.missing_value or not any(isinstance(step, DataStep) for step in plan.steps if step.fetch == fetch)


def is_missing(error: SecretsError) -> bool:
    """Whether ESO would say "Secret does not exist"."""
    return isinstance(error, SecretNotFoundError) and error.missing
