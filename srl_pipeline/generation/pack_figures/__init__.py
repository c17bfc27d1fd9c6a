"""What a pack is like, in figures: what `packs check` proves and `packs stats` prints."""
