"""Parts of the retrieval benchmark: WordNet as corpus and questions, searches, exact references, tables."""
