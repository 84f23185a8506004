# One image for every role; HULEEDU_ROLES says which. It needs no write access but to
# /var/lib/huleedu and /tmp, so the root file system may be read-only.
FROM python:3.13.14-slim AS build
# Their spelling indexes are built here, so that no start has to; others are built when asked for.
ARG LANGUAGES="en"
ENV XDG_CACHE_HOME=/opt/huleedu/cache
WORKDIR /src
COPY requirements-image.lock ./
RUN python -m venv /opt/huleedu \
    && /opt/huleedu/bin/pip install --no-cache-dir --require-hashes --requirement requirements-image.lock
COPY pyproject.toml README.md LICENSE kafka_topics.yaml ./
COPY huleedu_streams huleedu_streams
COPY tables tables
# Without isolation the build backend is the one of the lock, too.
RUN /opt/huleedu/bin/pip install --no-cache-dir --no-deps --no-build-isolation .
RUN for language in $LANGUAGES; do \
        /opt/huleedu/bin/huleedu-streams check --language "$language" </dev/null || exit 1; \
    done \
    && test -d "$XDG_CACHE_HOME/huleedu-streams/spelling" \
    && chmod -R a+rX "$XDG_CACHE_HOME"

FROM python:3.13.14-slim
LABEL org.opencontainers.image.title="huleedu-streams" \
      org.opencontainers.image.description="Spell checks a school's essays as a stream." \
      org.opencontainers.image.version="0.2.0" \
      org.opencontainers.image.source="https://github.com/huleedu/huleedu-streams" \
      org.opencontainers.image.licenses="MIT"
RUN groupadd --gid 10001 huleedu \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home \
        --home-dir /var/lib/huleedu --shell /usr/sbin/nologin huleedu \
    && install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/huleedu
COPY --from=build /opt/huleedu /opt/huleedu
ENV PATH=/opt/huleedu/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    XDG_CACHE_HOME=/opt/huleedu/cache \
    HULEEDU_WEB_BIND=0.0.0.0 \
    HULEEDU_DATA_DIR=/var/lib/huleedu/state
USER 10001:10001
WORKDIR /var/lib/huleedu
EXPOSE 6066
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('HULEEDU_WEB_PORT', '6066') + '/readyz', timeout=4)"]
ENTRYPOINT ["huleedu-streams"]
CMD ["worker"]
