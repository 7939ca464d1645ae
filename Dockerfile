# docker build -t xtreme-harness .                                              for CPUs
# docker build -t xtreme-harness:gpu --build-arg ACCELERATOR=gpu .              for NVIDIA GPUs
# docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/data" xtreme-harness eval --model tiny --benchmark xtreme
#
# With GPUs, add "--gpus all" to "docker run". Data, models, caches and results are in the folder mounted at /data.
# PyTorch's builds from PyPI bring CUDA along. To leave it out of an image for CPUs, name PyTorch's index of CPU builds:
# --build-arg PIP_EXTRA_INDEX_URL=...
FROM python:3.12-slim

ARG ACCELERATOR=cpu
ARG PIP_EXTRA_INDEX_URL=

WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY harness harness
COPY plugins plugins
COPY leaderboards leaderboards
RUN pip install --no-cache-dir --constraint constraints.txt ".[${ACCELERATOR}]"

# Any user may run it: home, caches and results are in the mounted folder.
ENV HOME=/data USER=harness
WORKDIR /data
RUN chmod 1777 /data
USER 1000:1000

ENTRYPOINT ["harness"]
CMD ["--help"]
