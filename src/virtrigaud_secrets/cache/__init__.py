"""What was read and made, kept until it is due: by fetch (`answers`), by ExternalSecret (`entries`). Sends nothing."""
