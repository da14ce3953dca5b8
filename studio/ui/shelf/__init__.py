"""The library on the page: its tab, the bar under each result, and the routes that both ask."""
