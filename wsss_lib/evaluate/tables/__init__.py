"""From rows to tables: scores, their intervals, and differences draw by draw."""
