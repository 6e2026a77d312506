"""Writes rows for the input function, and reads its batches."""

import tensorflow as tf

from trainer_module import inputs

LABEL = "ripe"
SPEC = {
    "id": tf.io.FixedLenFeature([1], tf.int64),
    "weight": tf.io.FixedLenFeature([1], tf.float32),
    LABEL: tf.io.FixedLenFeature([1], tf.float32),
}
ROW_BYTES = 8 + 4 + 4
# Values of `memory_bytes`: no row fits, all rows fit.
STREAM, MEMORY = 0, 2**30
WAYS = {"memory": MEMORY, "stream": STREAM}


def feature(values):
    kind = {bytes: "bytes", int: "int64", float: "float"}[type(values[-1])]
    return tf.train.Feature(**{f"{kind}_list": {"value": values}})


def record(**values):
    """Returns a serialised tf.Example: feature name -> list of values."""
    features = {"feature": {name: feature(value) for name, value in values.items()}}
    return tf.train.Example(features=features).SerializeToString(deterministic=True)


def write(file, numbers):
    """Writes a gzipped TFRecord file, as Transform does, with one row per number. Returns its path."""
    with tf.io.TFRecordWriter(str(file), "GZIP") as out:
        for number in numbers:
            out.write(record(id=[number], weight=[number / 2], **{LABEL: [float(number % 2)]}))
    return str(file)


def split(folder, *sizes):
    """Writes one file per size with that many rows, numbered from 0 on. Returns a list with the files' pattern."""
    first = 0
    for i, size in enumerate(sizes):
        write(folder / f"examples-{i:02}.gz", range(first, first + size))
        first += size
    return [str(folder / "examples-*")]


def batches(patterns, batch=10, *, at_most=None, training=True, spec=SPEC, seed=1, **settings):
    """Reads batches in a new graph, as an Estimator does. Returns a list of (features, labels), at most `at_most` batches."""
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True  # it takes longer than it saves here
    input_fn = inputs.input_fn(patterns, spec, LABEL, batch, training=training, seed=seed, **settings)
    read = []
    with tf.Graph().as_default(), tf.compat.v1.Session(config=config) as session:
        iterator = tf.compat.v1.data.make_initializable_iterator(input_fn())
        next_batch = iterator.get_next()
        session.run(iterator.initializer)
        while at_most is None or len(read) < at_most:
            try:
                read.append(session.run(next_batch))
            except tf.errors.OutOfRangeError:
                break
    return read


def ids(batches):
    """Returns the ids of all rows in the batches, in their order."""
    return [int(i) for features, _ in batches for i in features["id"].ravel()]


def epochs(order, rows):
    """Cuts the row ids of a training into epochs of `rows` ids. Drops an incomplete last epoch."""
    return [order[i : i + rows] for i in range(0, len(order) - rows + 1, rows)]
