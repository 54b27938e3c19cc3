# askd without a language model: Ollama generates. docs/docker.md, "askd's image", says how to build and run it.
#
# `docker build .` is enough. scripts/lib/image adds what a machine needs of its own:
#   --build-context models=DIR   a folder of `askd models pull`; the build fetches what it lacks
#   --secret id=pip_conf,src=…   pip's settings, as for an index of your own
#   --secret id=pip_cert,src=…   the certificates by which pip trusts that index
#   --build-arg REVISION=…       the commit, for the label
#   --build-arg PYTHON_IMAGE=…   another base, or this one by its digest
ARG PYTHON_IMAGE=python:3.13.16-slim-trixie

# Empty, where no context of this name is given.
FROM scratch AS models

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CACHE_DIR=/var/cache/pip PYTHONDONTWRITEBYTECODE=1 \
    SOURCE_DATE_EPOCH=1577836800
WORKDIR /build

RUN apt-get update && apt-get install --yes --no-install-recommends binutils

COPY requirements/server.txt requirements/build.txt requirements/
RUN --mount=type=cache,target=/var/cache/pip \
    --mount=type=secret,id=pip_conf,target=/etc/pip.conf --mount=type=secret,id=pip_cert \
    if [ -s /run/secrets/pip_cert ]; then export PIP_CERT=/run/secrets/pip_cert; fi \
    && set -- install --no-compile --only-binary :all: --require-hashes \
    && python -m venv --without-pip /opt/askd && pip --python /opt/askd/bin/python "$@" -r requirements/server.txt \
    && python -m venv --without-pip /opt/build && pip --python /opt/build/bin/python "$@" -r requirements/build.txt

COPY pyproject.toml README.md LICENSE ./
COPY app app
RUN /opt/build/bin/python -m hatchling build -t wheel \
    && pip --python /opt/askd/bin/python install --no-compile --no-deps --no-index dist/*.whl

# Not the libraries in *.libs: they were edited when they were packed, and strip does not know how.
COPY scripts/lib/slim_image.py .
RUN find /opt/askd -name '*.so' ! -path '*.libs/*' -exec strip --strip-unneeded {} + \
    && PYTHONHASHSEED=0 /opt/askd/bin/python -P slim_image.py

# Files that came with the context are checked against their digests, too.
ARG EMBEDDER=bge-small-en-v1.5
ENV ASKD_DATA_DIR=/out/var/lib/askd
RUN --mount=type=bind,from=models,target=/models \
    mkdir -p $ASKD_DATA_DIR/models \
    && if [ -d "/models/$EMBEDDER" ]; then cp -r "/models/$EMBEDDER" $ASKD_DATA_DIR/models/; fi \
    && /opt/askd/bin/askd models pull "$EMBEDDER"

RUN mkdir /out/opt && mv /opt/askd /out/opt/ \
    && chmod -R u=rwX,go=rX /out \
    && install -d -o 10001 -g 0 -m 770 $ASKD_DATA_DIR/index $ASKD_DATA_DIR/cache \
    && find /out -exec touch --no-dereference --date=@$SOURCE_DATE_EPOCH {} +

FROM ${PYTHON_IMAGE}
COPY --from=build /out/var/lib/askd /var/lib/askd
COPY --from=build /out/opt/askd /opt/askd
ENV PATH=/opt/askd/bin:$PATH PYTHONDONTWRITEBYTECODE=1 \
    HOME=/var/lib/askd ASKD_DATA_DIR=/var/lib/askd ASKD_HOST=0.0.0.0
WORKDIR /var/lib/askd
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-ISc", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('ASKD_PORT', '').rpartition(':')[2] or 8000), timeout=4); c.request('GET', '/livez'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["askd"]
CMD ["serve"]
ARG REVISION
LABEL org.opencontainers.image.title="askd" \
      org.opencontainers.image.description="Answers questions from your own FAQ, on your own machine" \
      org.opencontainers.image.version="0.2.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
