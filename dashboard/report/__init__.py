"""A copy of the dashboard that outlives the server: every chapter in one file that needs no network.

The chapters themselves are run, as the dashboard runs them, and what they draw is written down as HTML. So the report
says and shows what the dashboard does, and a new chapter is in it without further work.
"""
