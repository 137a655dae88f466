"""Pictures: plots, figures on disk with the numbers behind them, styled tables, widgets."""
