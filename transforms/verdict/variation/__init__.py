"""How training's own days and hours differ from its whole: counted, kept in the baseline, held against."""
