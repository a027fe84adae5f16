"""Queries to start from on the SQL page; their titles are in the section `sql.example` of the texts."""

EXAMPLES = {
    "depth": """\
SELECT depth, activation, avg(accuracy) AS accuracy, stddev(accuracy) AS spread, count(*) AS seeds
FROM run JOIN epoch_metric USING (run_id)
WHERE split = 'test' AND epoch = epochs
  AND run_id IN (SELECT run_id FROM study_run WHERE study IN ('question', 'activations'))
GROUP BY ALL ORDER BY activation, depth""",
    "learning": """\
SELECT epoch, depth || ' ' || split AS curve, avg(loss) AS loss
FROM study_run JOIN run USING (run_id) JOIN epoch_metric USING (run_id)
WHERE study = 'question' AND depth IN (1, 5) AND split IN ('train_running', 'validation')
GROUP BY ALL ORDER BY curve, epoch""",
    "slope": """\
SELECT layer, activation, exp(avg(ln(slope_gain))) AS slope_gain, exp(avg(ln(weight_gain))) AS weight_gain
FROM run JOIN layer_stat USING (run_id)
WHERE depth = 5 AND epoch = 0 AND layer <= depth AND slope_gain > 0 AND weight_gain > 0
  AND run_id IN (SELECT run_id FROM study_run WHERE study IN ('question', 'activations'))
GROUP BY ALL ORDER BY activation, layer""",
    "confusion": """\
PIVOT (SELECT actual, predicted, count
       FROM study_run JOIN run USING (run_id) JOIN confusion USING (run_id)
       WHERE study = 'question' AND depth = 5)
ON predicted USING sum(count) ORDER BY actual""",
    "time": """\
SELECT depth, avg(seconds) AS seconds, any_value(parameters) AS parameters,
       any_value(flops_per_example) AS flops_per_example
FROM study_run JOIN run USING (run_id)
WHERE study = 'question'
GROUP BY depth ORDER BY depth""",
    "seeds": """\
SELECT seed, depth, accuracy
FROM study_run JOIN run USING (run_id) JOIN epoch_metric USING (run_id)
WHERE study = 'question' AND depth IN (1, 5, 10) AND split = 'test' AND epoch = epochs
ORDER BY depth, seed""",
}
