"""Parts of the training benchmark: equal work for the stock trainer and for ours."""
