# syntax=docker/dockerfile:1
# Webserver and daemon: Dagster alone, none of our code. Build from the root of the repository:
#   docker build --file infra/containers/control-plane.Dockerfile --tag REGISTRY/srl-control-plane:0.1.0 .
# Name the base by its digest where builds must be repeatable: --build-arg BASE=python@sha256:…
ARG BASE=python:3.11.14-slim-bookworm

FROM ${BASE} AS build
COPY constraints.txt infra/containers/postgres.txt /build/
RUN python -m venv --without-pip /opt/srl \
    && python -m pip --python /opt/srl/bin/python install --no-cache-dir --constraint /build/constraints.txt \
        --requirement /build/postgres.txt dagster dagster-webserver dagster-k8s dagster-aws

FROM ${BASE}
RUN python -m pip uninstall --yes setuptools wheel pip \
    && groupadd --gid 10001 srl \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin srl
COPY --from=build /opt/srl /opt/srl
ENV PATH=/opt/srl/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DAGSTER_HOME=/opt/dagster/home
WORKDIR /opt/dagster/home
USER 10001:10001
CMD ["dagster-webserver", "--host", "0.0.0.0", "--port", "3000"]
