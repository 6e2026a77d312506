# The image in which Kubeflow's steps and Beam's workers (Flink, Spark, Dataflow) run the pipeline.
#
#     docker build --tag estimator-pipeline .
#     docker run --rm --entrypoint python estimator-pipeline -m pipeline run --output-dir /tmp/taxi
#
# Where this file was written there was no Docker engine: it has been linted (tests/test_dockerfile.py), never built.
# Kubeflow names a command for every step, which takes the place of the ENTRYPOINT.

# The full image, for its compiler: crcmod and pyfarmhash have no wheels. Nothing but the environment leaves this stage.
FROM python:3.10-bookworm AS builder
WORKDIR /build
# `python -m venv`, unlike `uv venv`, brings pip, which Beam's boot calls.
RUN pip install --no-cache-dir uv==0.13.9 && python -m venv /opt/venv
COPY requirements.lock ./
# Bytecode saves 15 s at every start of a step. It must hold whatever happens to the files' times between here and there,
# because a user who may not write it again would compile at every start.
RUN PYC_INVALIDATION_MODE=UNCHECKED_HASH uv pip install --python /opt/venv/bin/python --no-cache --compile-bytecode \
    --require-hashes --no-deps -r requirements.lock

FROM python:3.10-slim-bookworm
# Beam's worker start-up, a static binary, of the version in requirements.lock.
COPY --from=apache/beam_python3.10_sdk:2.68.0 /opt/apache/beam/boot /opt/apache/beam/boot
COPY --from=builder /opt/venv /opt/venv
WORKDIR /app
COPY data/ data/
COPY trainer_module/ trainer_module/
COPY components/ components/
COPY pipeline/ pipeline/
# A user by number: Kubernetes cannot check `runAsNonRoot` on a name.
RUN /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash . \
    && useradd --uid 1000 --create-home pipeline
# Beam's boot would make itself an environment of its own, in which none of this is installed.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1
USER 1000
ENTRYPOINT ["/opt/apache/beam/boot"]
