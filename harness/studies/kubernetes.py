"""The launcher ``kubernetes``: a manifest with an indexed Job for each wave, whose pods come back after exit code 75."""

from __future__ import annotations

import json
import re
import shlex

from harness.core.errors import UsageError, did_you_mean
from harness.core.hashing import text_hash
from harness.core.interruption import NEXT_TURN
from harness.studies.submission import BatchScript, Submission

OPTIONS = ("image", "claim", "mount", "namespace", "gpus", "cpus", "memory")
"""Names of the options: the image with the harness in it; the persistent volume claim that holds the study, and where pods see
it (the folder in which the command was given); and what a pod requests."""
_LONGEST = 50
"""Characters of a study's name; those of its Jobs have a wave and an index behind it, and 63 at most."""
FAILURES = 2
"""Number of failures of a part before it counts as failed; stops and lost nodes do not count."""


def indexed_jobs(submission: Submission) -> BatchScript:
    """The manifest, and a ``kubectl`` command for each wave, which is given when the wave before has ended.

    Index I of a Job does part I + 1. Needs Kubernetes 1.29 or later (a back-off limit for each index).
    """
    options = submission.options
    for name in options:
        if name not in OPTIONS:
            raise UsageError(f"launcher 'kubernetes': unknown option {name!r}", hint=did_you_mean(name, OPTIONS))
    for name in ("image", "claim"):
        if not options.get(name):
            raise UsageError(
                f"launcher 'kubernetes': the option {name!r} is missing",
                hint="--launcher-option image=REGISTRY/harness:1 --launcher-option claim=NAME_OF_THE_VOLUME_CLAIM",
            )
    documents = [_job(submission, wave, parts) for wave, parts in submission.waves.items()]
    name = _name(submission.study)
    space = f" --namespace {shlex.quote(options['namespace'])}" if options.get("namespace") else ""
    submit: list[str] = []
    before = ""
    for wave in submission.waves:
        if before:
            submit.append(f"kubectl wait{space} --for=condition=complete --timeout=-1s job/{name}-{before}")
        submit.append(f"kubectl apply{space} -f {{file}} -l wave={wave}")
        before = wave
    head = f"# The study {submission.study}: a Job for each wave. Each index does one part.\n"
    return BatchScript("kubernetes.yaml", head + "---\n".join(documents), tuple(submit))


_JOB = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: {name}-{wave}
  labels: {{study: {name}, wave: {wave}}}
spec:
  completionMode: Indexed
  completions: {parts}
  parallelism: {at_a_time}
  backoffLimitPerIndex: {failures}
  podFailurePolicy:
    rules:
    - action: Ignore  # stopped in the middle, and everything is saved: the next pod goes on
      onExitCodes: {{containerName: harness, operator: In, values: [{next_turn}]}}
    - action: Ignore  # evicted, or its node was lost
      onPodConditions: [{{type: DisruptionTarget}}]
  template:
    metadata:
      labels: {{study: {name}, wave: {wave}}}
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 300
      containers:
      - name: harness
        image: {image}
        workingDir: {folder}
        command: [sh, -c, {command}]
        resources:
          limits: {limits}
        volumeMounts:
        - {{name: study, mountPath: {mount}}}
      volumes:
      - name: study
        persistentVolumeClaim: {{claimName: {claim}}}
"""


def _job(submission: Submission, wave: str, parts: int) -> str:
    options = submission.options
    words = shlex.join(("harness", *submission.arguments))
    part = f"exec {words} --wave {wave} --shard $((JOB_COMPLETION_INDEX + 1))/{parts}"
    limits = {"cpu": options.get("cpus"), "memory": options.get("memory"), "nvidia.com/gpu": options.get("gpus")}
    return _JOB.format(
        name=_name(submission.study),
        wave=wave,
        parts=parts,
        at_a_time=min(submission.at_a_time or parts, parts),
        failures=FAILURES,
        next_turn=NEXT_TURN,
        image=json.dumps(options["image"]),
        folder=json.dumps(str(submission.folder)),
        command=json.dumps(part),
        limits=json.dumps({name: value for name, value in limits.items() if value}),
        mount=json.dumps(options.get("mount") or str(submission.folder)),
        claim=json.dumps(options["claim"]),
    )


def _name(study: str) -> str:
    """The name of a study as Kubernetes takes it; one that is changed for that ends in a sum of the whole name."""
    name = re.sub(r"[^a-z0-9-]+", "-", study.lower()).strip("-")
    if name == study and len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 9].rstrip('-')}-{text_hash(study) >> 32:08x}"
