-- The store of Fathom. The trainer owns this schema and the dashboard reads it.
-- `epoch` 0 is before training. A layer is counted from the input, 1 … depth + 1; the last one is the output.
-- A default is what held for every run before the column was there: an older store is taken over with it.
-- Layer statistics are taken right after the epoch, and those of gradients, errors and activations from a fixed,
-- class-balanced probe batch of up to 1,024 training examples, with the loss averaged over it.

CREATE TABLE store (
    schema_version INTEGER NOT NULL,
    published TIMESTAMP
);
COMMENT ON TABLE store IS 'One row about this file';
COMMENT ON COLUMN store.schema_version IS 'Version of this schema; the dashboard reads exactly one';
COMMENT ON COLUMN store.published IS 'UTC time at which this snapshot was published; NULL in a work file';

CREATE TABLE study (
    study VARCHAR PRIMARY KEY,
    spec VARCHAR NOT NULL
);
COMMENT ON TABLE study IS 'A named question with the grid of runs that answers it';
COMMENT ON COLUMN study.study IS 'Name of the study';
COMMENT ON COLUMN study.spec IS 'The study file (TOML) as it was when the study was last trained';

CREATE TABLE study_run (
    study VARCHAR NOT NULL,
    run_id VARCHAR NOT NULL,
    PRIMARY KEY (study, run_id)
);
COMMENT ON TABLE study_run IS 'Which runs a study asks for; a run may belong to several studies';
COMMENT ON COLUMN study_run.study IS 'Name of the study';
COMMENT ON COLUMN study_run.run_id IS 'A run that the study asks for';

CREATE TABLE provenance (
    provenance_id VARCHAR PRIMARY KEY,
    git_commit VARCHAR NOT NULL,
    recipe INTEGER,
    python VARCHAR NOT NULL,
    tensorflow VARCHAR NOT NULL,
    keras VARCHAR NOT NULL,
    numpy VARCHAR NOT NULL,
    duckdb VARCHAR NOT NULL,
    processor VARCHAR NOT NULL,
    cores INTEGER NOT NULL,
    device VARCHAR,
    platform VARCHAR NOT NULL
);
COMMENT ON TABLE provenance IS 'The code, the versions and the machine that made a run';
COMMENT ON COLUMN provenance.provenance_id IS 'Hash of the other columns';
COMMENT ON COLUMN provenance.git_commit IS 'Commit of the trainer; +changes where the working tree differed from it';
COMMENT ON COLUMN provenance.recipe IS 'Recipe version: raised when the trainer changes in a way that changes numbers; NULL for a recorded run';
COMMENT ON COLUMN provenance.python IS 'Version of Python';
COMMENT ON COLUMN provenance.tensorflow IS 'Version of TensorFlow';
COMMENT ON COLUMN provenance.keras IS 'Version of Keras';
COMMENT ON COLUMN provenance.numpy IS 'Version of NumPy';
COMMENT ON COLUMN provenance.duckdb IS 'Version of DuckDB';
COMMENT ON COLUMN provenance.processor IS 'Model name of the processor';
COMMENT ON COLUMN provenance.cores IS 'Logical processors of the machine';
COMMENT ON COLUMN provenance.device IS 'What TensorFlow computed on: CPU, or the name of the GPU; NULL where it was not noted';
COMMENT ON COLUMN provenance.platform IS 'Operating system';

CREATE TABLE run (
    run_id VARCHAR PRIMARY KEY,
    name VARCHAR NOT NULL,
    origin VARCHAR NOT NULL,
    sweep VARCHAR,
    dataset VARCHAR,
    data_checksum VARCHAR,
    validation_size INTEGER DEFAULT 12000,
    train_size INTEGER,
    depth INTEGER,
    width INTEGER,
    classes INTEGER DEFAULT 10,
    activation VARCHAR,
    output VARCHAR DEFAULT 'softmax',
    initializer VARCHAR,
    bias_initializer VARCHAR DEFAULT 'zeros',
    shortcut BOOLEAN,
    normalization VARCHAR,
    dropout DOUBLE,
    l2 DOUBLE,
    optimizer VARCHAR,
    learning_rate DOUBLE,
    batch_size INTEGER,
    epochs INTEGER NOT NULL,
    seed INTEGER,
    parameters BIGINT,
    flops_per_example BIGINT,
    status VARCHAR NOT NULL,
    diverged_epoch INTEGER,
    seconds DOUBLE,
    cohort_size INTEGER,
    provenance_id VARCHAR
);
COMMENT ON TABLE run IS 'One configuration with one seed, trained once; or one training of somebody''s own model, of which NULL is what nobody knows';
COMMENT ON COLUMN run.run_id IS 'Hash of the whole configuration and the recipe version; of a recorded or imported run, some other unique name';
COMMENT ON COLUMN run.name IS 'A name for people';
COMMENT ON COLUMN run.origin IS 'grid: trained for a study; recorded: by the Keras callback; tensorboard: imported';
COMMENT ON COLUMN run.sweep IS 'Own runs that belong together, of different depth; NULL for those of the grid';
COMMENT ON COLUMN run.dataset IS 'mnist or fashion_mnist';
COMMENT ON COLUMN run.data_checksum IS 'SHA-256 over the images and labels of the dataset';
COMMENT ON COLUMN run.validation_size IS 'Examples held out for validation, the last of the 60,000';
COMMENT ON COLUMN run.train_size IS 'Training examples; 48,000 is the whole first 80 % of the training set';
COMMENT ON COLUMN run.depth IS 'Number of hidden Dense layers; 0 is softmax regression. Of an own run, the layers with a kernel but for those that give an output';
COMMENT ON COLUMN run.width IS 'Units of each hidden layer';
COMMENT ON COLUMN run.classes IS 'Classes to choose between; NULL for an own run that does not classify, or not in one way alone';
COMMENT ON COLUMN run.activation IS 'Activation function of the hidden layers; linear is none';
COMMENT ON COLUMN run.output IS 'softmax, or sigmoid: ten yes-or-no questions, with the sum of their cross-entropies as loss';
COMMENT ON COLUMN run.initializer IS 'Initialiser of the kernels, a Keras name; fan_in_normal is the untruncated normal distribution of variance 1 / inputs';
COMMENT ON COLUMN run.bias_initializer IS 'zeros, or standard_normal';
COMMENT ON COLUMN run.shortcut IS 'Whether the pre-activation of the hidden layer below is added to that of each hidden layer but the first: the full pre-activation block of He et al. 2016';
COMMENT ON COLUMN run.normalization IS 'none, batch or layer, between pre-activation and activation';
COMMENT ON COLUMN run.dropout IS 'Share of hidden activations dropped in training';
COMMENT ON COLUMN run.l2 IS 'Factor of the sum of squared weights that is added to the loss; not part of the loss shown';
COMMENT ON COLUMN run.optimizer IS 'Keras optimiser; momentum is SGD with momentum 0.9';
COMMENT ON COLUMN run.learning_rate IS 'Step size of the optimiser, constant';
COMMENT ON COLUMN run.batch_size IS 'Examples per step; examples left over after the last full batch sit out the epoch';
COMMENT ON COLUMN run.epochs IS 'Epochs asked for';
COMMENT ON COLUMN run.seed IS 'Decides the starting kernels, the order of batches and the subset of the data';
COMMENT ON COLUMN run.parameters IS 'Trainable numbers: weights and biases';
COMMENT ON COLUMN run.flops_per_example IS 'Floating-point operations of a forward pass, multiplication and addition apart';
COMMENT ON COLUMN run.status IS 'finished; diverged: the loss became infinite or not a number; interrupted: an own training that ended before its time';
COMMENT ON COLUMN run.diverged_epoch IS 'First epoch whose loss was not finite; nothing is stored from it on; NULL if finished';
COMMENT ON COLUMN run.seconds IS 'Wall time of its cohort, compiling and measuring included, over the runs in it';
COMMENT ON COLUMN run.cohort_size IS 'Runs that were trained together in one compiled program';
COMMENT ON COLUMN run.provenance_id IS 'Where it comes from';

CREATE TABLE own_layer (
    run_id VARCHAR NOT NULL,
    layer INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    activation VARCHAR,
    inputs INTEGER,
    units INTEGER
);
COMMENT ON TABLE own_layer IS 'What the layers of an own run are called';
COMMENT ON COLUMN own_layer.run_id IS 'The run';
COMMENT ON COLUMN own_layer.layer IS '1 …, in the order in which they are computed, as in layer_stat';
COMMENT ON COLUMN own_layer.name IS 'Name of the layer in its model';
COMMENT ON COLUMN own_layer.kind IS 'Keras class of the layer; unknown for one that was imported';
COMMENT ON COLUMN own_layer.activation IS 'Activation function, as far as it was found';
COMMENT ON COLUMN own_layer.inputs IS 'Rows of the kernel as a matrix: of a convolution, height × width × channels; of a recurrent cell, those of the input and of the state';
COMMENT ON COLUMN own_layer.units IS 'Columns of the kernel as a matrix';

CREATE TABLE own_note (
    run_id VARCHAR NOT NULL,
    note VARCHAR NOT NULL,
    detail VARCHAR NOT NULL
);
COMMENT ON TABLE own_note IS 'What could not be recorded of an own run';
COMMENT ON COLUMN own_note.run_id IS 'The run';
COMMENT ON COLUMN own_note.note IS 'What is missing, as a key: see trainer/notes.py';
COMMENT ON COLUMN own_note.detail IS 'Where, or why; may be empty';

CREATE TABLE failure (
    run_id VARCHAR PRIMARY KEY,
    name VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    attempts INTEGER NOT NULL,
    failed_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE failure IS 'Runs that could not be trained; the next refresh that asks for one tries again, and success removes it';
COMMENT ON COLUMN failure.run_id IS 'The run, which is not in the table run';
COMMENT ON COLUMN failure.name IS 'A name for people';
COMMENT ON COLUMN failure.reason IS 'What went wrong the last time';
COMMENT ON COLUMN failure.attempts IS 'How often it was tried in the last refresh';
COMMENT ON COLUMN failure.failed_at IS 'UTC time of the last attempt';

CREATE TABLE epoch_metric (
    run_id VARCHAR NOT NULL,
    epoch INTEGER NOT NULL,
    split VARCHAR NOT NULL,
    loss DOUBLE,
    accuracy DOUBLE,
    examples INTEGER
);
COMMENT ON TABLE epoch_metric IS 'Loss and accuracy of a run, per epoch and split; NULL where an own run did not measure one';
COMMENT ON COLUMN epoch_metric.run_id IS 'The run';
COMMENT ON COLUMN epoch_metric.epoch IS '0 is before training';
COMMENT ON COLUMN epoch_metric.split IS 'train, validation, test: evaluated after the epoch with dropout off; train_running: the mean over the batches during the epoch, as Keras reports it';
COMMENT ON COLUMN epoch_metric.loss IS 'Mean cross-entropy in nats, without the L2 penalty. At epoch 0 a batch-normalised network is evaluated with moving averages that have seen no batch yet';
COMMENT ON COLUMN epoch_metric.accuracy IS 'Share of examples classified correctly, 0 to 1';
COMMENT ON COLUMN epoch_metric.examples IS 'How many examples the two are means over: all of the split, but for the train split before the last epoch, where a fixed sample of 12,000 stands for it';

CREATE TABLE layer_stat (
    run_id VARCHAR NOT NULL,
    epoch INTEGER NOT NULL,
    layer INTEGER NOT NULL,
    weight_mean FLOAT,
    weight_std FLOAT,
    weight_min FLOAT,
    weight_max FLOAT,
    weight_norm FLOAT,
    weight_spectral_norm FLOAT,
    weight_effective_rank FLOAT,
    bias_mean FLOAT,
    bias_std FLOAT,
    gradient_norm FLOAT,
    gradient_rms FLOAT,
    bias_gradient_norm FLOAT,
    update_ratio FLOAT,
    delta_rms FLOAT,
    weight_gain FLOAT,
    slope_gain FLOAT,
    normalization_gain FLOAT,
    shortcut_gain FLOAT,
    preactivation_mean FLOAT,
    preactivation_std FLOAT,
    activation_mean FLOAT,
    activation_std FLOAT,
    saturated_fraction FLOAT,
    dead_fraction FLOAT
);
COMMENT ON TABLE layer_stat IS 'Statistics of one layer after one epoch; NULL where a statistic does not exist or is not finite';
COMMENT ON COLUMN layer_stat.run_id IS 'The run';
COMMENT ON COLUMN layer_stat.epoch IS '0 is before training';
COMMENT ON COLUMN layer_stat.layer IS '1 … depth + 1, counted from the input; the last is the output';
COMMENT ON COLUMN layer_stat.weight_mean IS 'Mean of the kernel';
COMMENT ON COLUMN layer_stat.weight_std IS 'Standard deviation of the kernel';
COMMENT ON COLUMN layer_stat.weight_min IS 'Smallest weight';
COMMENT ON COLUMN layer_stat.weight_max IS 'Largest weight';
COMMENT ON COLUMN layer_stat.weight_norm IS 'Frobenius norm of the kernel';
COMMENT ON COLUMN layer_stat.weight_spectral_norm IS 'Largest singular value of the kernel';
COMMENT ON COLUMN layer_stat.weight_effective_rank IS 'exp of the entropy of the normalised singular values (Roy & Vetterli 2007)';
COMMENT ON COLUMN layer_stat.bias_mean IS 'Mean of the biases';
COMMENT ON COLUMN layer_stat.bias_std IS 'Standard deviation of the biases';
COMMENT ON COLUMN layer_stat.gradient_norm IS 'Frobenius norm of the gradient of the mean probe loss with respect to the kernel';
COMMENT ON COLUMN layer_stat.gradient_rms IS 'Root mean square of that gradient over the weights';
COMMENT ON COLUMN layer_stat.bias_gradient_norm IS 'Norm of the gradient of the mean probe loss with respect to the biases: the speed of learning of Nielsen, chapter 5';
COMMENT ON COLUMN layer_stat.update_ratio IS 'Norm of the change of the kernel in the last step of the epoch, over its norm before; NULL at epoch 0';
COMMENT ON COLUMN layer_stat.delta_rms IS 'Root mean square of δ, the derivative of one example''s loss with respect to the pre-activation, over the probe and the units';
COMMENT ON COLUMN layer_stat.weight_gain IS 'rms of the error that arrives at this layer''s output over rms of δ one layer later: what the weights do to it; NULL at the output';
COMMENT ON COLUMN layer_stat.slope_gain IS 'rms of that error behind the activation over rms before it: what the slope of the activation does to it; NULL at the output';
COMMENT ON COLUMN layer_stat.normalization_gain IS 'What the normalisation does to it after that, in the same way: 1 where there is none; NULL at the output, and in older runs, which have none';
COMMENT ON COLUMN layer_stat.shortcut_gain IS 'rms of δ over rms of the error without what the shortcut adds: 1 where there is none; NULL at the output, and in older runs, which have none';
COMMENT ON COLUMN layer_stat.preactivation_mean IS 'Mean over the probe and the units of what enters the activation function: the pre-activation z, normalised where the network normalises';
COMMENT ON COLUMN layer_stat.preactivation_std IS 'Standard deviation of the same';
COMMENT ON COLUMN layer_stat.activation_mean IS 'Mean of the activations; at the output, of the logits';
COMMENT ON COLUMN layer_stat.activation_std IS 'Standard deviation of the activations; at the output, of the logits';
COMMENT ON COLUMN layer_stat.saturated_fraction IS 'Share of (example, unit) pairs with a slope below 5 % of the steepest; NULL for relu and at the output';
COMMENT ON COLUMN layer_stat.dead_fraction IS 'Share of units whose slope is zero on every probe example; NULL at the output';

CREATE TABLE layer_histogram (
    run_id VARCHAR NOT NULL,
    epoch INTEGER NOT NULL,
    layer INTEGER NOT NULL,
    quantity VARCHAR NOT NULL,
    low FLOAT,
    high FLOAT,
    counts INTEGER[] NOT NULL
);
COMMENT ON TABLE layer_histogram IS 'Distributions within one layer, at epochs 0, 1, 5 and the last';
COMMENT ON COLUMN layer_histogram.run_id IS 'The run';
COMMENT ON COLUMN layer_histogram.epoch IS '0 is before training';
COMMENT ON COLUMN layer_histogram.layer IS '1 … depth + 1, counted from the input';
COMMENT ON COLUMN layer_histogram.quantity IS 'weight, preactivation, activation, log10_gradient or log10_delta (base-10 logarithm of the size, zeros left out)';
COMMENT ON COLUMN layer_histogram.low IS 'Smallest value, where the first bin begins; NULL where no value is finite';
COMMENT ON COLUMN layer_histogram.high IS 'Largest value, where the last of the equally wide bins ends';
COMMENT ON COLUMN layer_histogram.counts IS 'How many values fell into each bin';

CREATE TABLE singular_value (
    run_id VARCHAR NOT NULL,
    epoch INTEGER NOT NULL,
    layer INTEGER NOT NULL,
    "values" FLOAT[] NOT NULL
);
COMMENT ON TABLE singular_value IS 'Singular values of one kernel, at epochs 0, 1, 5 and the last';
COMMENT ON COLUMN singular_value.run_id IS 'The run';
COMMENT ON COLUMN singular_value.epoch IS '0 is before training';
COMMENT ON COLUMN singular_value.layer IS '1 … depth + 1, counted from the input';
COMMENT ON COLUMN singular_value.values IS 'Singular values, descending';

CREATE TABLE collapsed_map (
    run_id VARCHAR NOT NULL,
    epoch INTEGER NOT NULL,
    singular_values FLOAT[] NOT NULL,
    matrix FLOAT[],
    bias FLOAT[]
);
COMMENT ON TABLE collapsed_map IS 'For a linear network: the one map from pixels to logits that its whole stack of layers equals';
COMMENT ON COLUMN collapsed_map.run_id IS 'The run';
COMMENT ON COLUMN collapsed_map.epoch IS '0 is before training';
COMMENT ON COLUMN collapsed_map.singular_values IS 'Singular values of the 784×10 matrix, descending';
COMMENT ON COLUMN collapsed_map.matrix IS 'The 784×10 matrix, row by row, for pixels scaled to 0-1; at the last epoch only';
COMMENT ON COLUMN collapsed_map.bias IS 'The 10 biases; at the last epoch only';

CREATE TABLE confusion (
    run_id VARCHAR NOT NULL,
    actual INTEGER NOT NULL,
    predicted INTEGER NOT NULL,
    count INTEGER NOT NULL
);
COMMENT ON TABLE confusion IS 'Test images by digit and predicted digit, after the last epoch; pairs that do not occur are left out';
COMMENT ON COLUMN confusion.run_id IS 'The run';
COMMENT ON COLUMN confusion.actual IS 'The label';
COMMENT ON COLUMN confusion.predicted IS 'The digit with the largest logit';
COMMENT ON COLUMN confusion.count IS 'Number of test images';
