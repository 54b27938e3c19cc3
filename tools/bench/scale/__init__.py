"""How both indexes grow from ten thousand entries to a million, and a queue for model servers."""
