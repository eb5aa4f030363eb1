"""The nodes of a cluster: which run trials, what each trial takes of them, who joins and who leaves."""
