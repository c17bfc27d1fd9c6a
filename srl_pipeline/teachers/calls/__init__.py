"""A call to a language model: paid once, cached by content, retried, bounded. Knows no vendor and no pack."""
