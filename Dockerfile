# One image for every role; HULEEDU_ROLES says which.
FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements.lock ./
RUN python -m venv /opt/huleedu \
    && /opt/huleedu/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE kafka_topics.yaml ./
COPY huleedu_streams huleedu_streams
COPY tables tables
RUN /opt/huleedu/bin/pip install --no-cache-dir --no-deps .

FROM python:3.13-slim
RUN useradd --system --create-home --home-dir /var/lib/huleedu huleedu
COPY --from=build /opt/huleedu /opt/huleedu
ENV PATH=/opt/huleedu/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HULEEDU_WEB_BIND=0.0.0.0 \
    HULEEDU_DATA_DIR=/var/lib/huleedu/state
USER huleedu
WORKDIR /var/lib/huleedu
EXPOSE 6066
STOPSIGNAL SIGTERM
ENTRYPOINT ["huleedu-streams"]
CMD ["worker"]
