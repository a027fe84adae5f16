"""One module a page, reading like the page it draws: question, picture, how to read it, what it says, what to try."""

# In the order of the menu, each with its icon; the first is the page that the bare address shows.
CHAPTERS = {
    "answer": ":material/lightbulb:",
    "depth": ":material/stacked_line_chart:",
    "overfitting": ":material/compare_arrows:",
    "gradients": ":material/trending_down:",
    "weights": ":material/bar_chart:",
    "linear": ":material/grid_view:",
    "remedies": ":material/healing:",
    "cost": ":material/payments:",
    "runs": ":material/list_alt:",
    "own": ":material/person:",
    "sql": ":material/database_search:",
}
