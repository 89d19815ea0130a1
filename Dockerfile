# syntax=docker/dockerfile:1
# One image for every process: the command chooses which (`serve bridge`, `serve worker`, `serve speech`, `ingest …`).

ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build

# Where else to look for wheels. PyTorch's own index of CPU wheels keeps gigabytes of CUDA libraries out of the image.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_INPUT=1 \
    PIP_CACHE_DIR=/var/cache/pip

RUN python -m venv /opt/firstline
ENV PATH=/opt/firstline/bin:$PATH
WORKDIR /src

# The dependencies before the code: a change of code does not install them again.
COPY pyproject.toml constraints.txt ./
RUN python -c "import tomllib; \
project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
print(*project['dependencies'], sep='\n')" > requirements.txt
RUN --mount=type=cache,target=/var/cache/pip pip install -c constraints.txt -r requirements.txt

COPY . .
RUN --mount=type=cache,target=/var/cache/pip pip install --no-deps -c constraints.txt . && pip check


FROM ${PYTHON_IMAGE}

# A number, so that an orchestrator can tell that it is not root. Both folders are volumes in docker-compose.yml, which
# take their owner from here.
RUN groupadd --system --gid 10001 firstline \
    && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/firstline --no-create-home firstline \
    && install -d -o 10001 -g 10001 /var/lib/firstline /var/lib/firstline-objects

COPY --from=build /opt/firstline /opt/firstline

ENV PATH=/opt/firstline/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    FIRSTLINE_ENV=production \
    FIRSTLINE_HOME=/var/lib/firstline

USER 10001:10001
WORKDIR /var/lib/firstline

# Bridge: webhooks, media streams. Speech.
EXPOSE 8080 8081 8082

ENTRYPOINT ["firstline"]
CMD ["--help"]
