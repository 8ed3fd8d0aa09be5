# One image for the code server, the web server and the daemon; docker-compose.yml chooses the role of a container.
#
#   docker build --tag llm-twin:0.1.0 .
#   docker build --tag llm-twin:0.1.0 --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130 .   # NVIDIA GPU

FROM python:3.12.12-slim-bookworm AS build

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /src

# Dependencies first, so that their layer stays valid when the code changes. torch comes from its own index, because the
# build on PyPI includes gigabytes of CUDA.
COPY pyproject.toml constraints.txt ./
RUN pip install --no-deps --index-url "$TORCH_INDEX" "$(grep '^torch==' constraints.txt)" \
 && python -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; print(*project['dependencies'], *project['optional-dependencies']['postgres'], sep='\n')" > requirements.txt \
 && pip install --constraint constraints.txt --requirement requirements.txt

COPY README.md LICENSE ./
COPY twin ./twin
COPY twin_resources ./twin_resources
COPY twin_assets ./twin_assets
COPY twin_jobs ./twin_jobs
RUN pip install --no-deps .


FROM python:3.12.12-slim-bookworm

# The crawler clones repositories with git.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates git \
 && rm -rf /var/lib/apt/lists/*

# The folders must belong to the user before a volume is mounted there: a new named volume copies their owner.
RUN useradd --uid 10001 --create-home twin \
 && install --directory --owner twin --group twin /var/lib/twin /var/lib/dagster /home/twin/.cache /opt/dagster /app

COPY --from=build /opt/venv /opt/venv
COPY --chown=twin:twin deploy/dagster.yaml deploy/workspace.yaml /opt/dagster/
COPY authors /app/authors
COPY examples /app/examples

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DAGSTER_HOME=/opt/dagster \
    TWIN_STORE=/var/lib/twin \
    TWIN_AUTHORS=/app/authors
WORKDIR /app
USER twin
EXPOSE 3000 4000

# Each role has its own health check in docker-compose.yml.
HEALTHCHECK NONE
CMD ["dagster", "code-server", "start", "-h", "0.0.0.0", "-p", "4000", "-m", "twin_jobs.definitions"]
