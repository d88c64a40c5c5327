"""The pages: report.html and backtest.html. One file each that needs no network."""
