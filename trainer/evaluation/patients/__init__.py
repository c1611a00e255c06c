"""How well patients are told apart from their subregions: Tables 6 and 7 of the paper."""
