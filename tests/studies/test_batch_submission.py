"""Batch scripts: what they ask of a scheduler, and which command a part is."""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from own_study import outcome

from harness.cli.main import main
from harness.core.errors import UsageError
from harness.registry.default import get_registry
from harness.registry.registry import Registry
from harness.studies.kubernetes import indexed_jobs
from harness.studies.launcher import open_launcher
from harness.studies.slurm import array_script
from harness.studies.status import study_status
from harness.studies.submission import Submission, write_script
from harness.types.progress import ProgressListener

ARGUMENTS = ("--plugin", "my plugin.py", "study", "run", "grid", "--out", "runs/a b")


def submission(folder: Path, **more: Any) -> Submission:
    return Submission("grid-full", ARGUMENTS, folder / "here we are", folder, {"stages": 2, "evaluations": 7}, **more)


def test_the_slurm_script_divides_a_wave_and_requeues_what_ends_with_75(tmp_path: Path) -> None:
    """The script runs with programs in the place of Slurm's, which write down how they are called."""
    made = array_script(submission(tmp_path, at_a_time=4, options={"gpus": "1", "exclusive": "", "comment": "it's"}))
    assert made.submit == (
        "stages=$(sbatch --parsable --array=1-2%4 {file} stages)",
        "sbatch --array=1-7%4 --dependency=afterany:$stages {file} evaluations",
    )
    assert {"#SBATCH --gpus=1", "#SBATCH --exclusive", "#SBATCH --requeue", "#SBATCH --signal=USR1@300"} <= {
        *made.text.splitlines()
    }
    (tmp_path / "here we are").mkdir()
    script = tmp_path / made.name
    script.write_text(made.text, encoding="utf-8")
    for name, code in (("srun", 75), ("scontrol", 0)):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(
            f'#!/bin/bash\nprintf "%s\\n" {name} "$@" >> {shlex.quote(str(tmp_path / "calls"))}\nexit {code}\n'
        )
        program.chmod(0o755)
    variables = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "SLURM_ARRAY_JOB_ID": "12", "SLURM_ARRAY_TASK_ID": "3"}
    done = subprocess.run(["bash", str(script), "evaluations"], env=variables)
    assert done.returncode == 75
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls[calls.index("--plugin") : calls.index("scontrol")] == [
        *ARGUMENTS, "--wave", "evaluations", "--shard", "3/7"
    ]  # fmt: skip
    assert calls[calls.index("scontrol") :] == ["scontrol", "requeue", "12_3"]
    assert subprocess.run(["bash", str(script), "evaluation"], env=variables, stderr=subprocess.PIPE).returncode == 2


def test_the_kubernetes_manifest_has_an_indexed_job_for_each_wave(tmp_path: Path) -> None:
    options = {"image": "registry/harness:1", "claim": "studies", "gpus": "1", "memory": "32Gi", "namespace": "nlp"}
    made = indexed_jobs(submission(tmp_path, at_a_time=4, options=options))
    jobs = list(yaml.safe_load_all(made.text))
    assert [job["metadata"]["name"] for job in jobs] == ["grid-full-stages", "grid-full-evaluations"]
    for job, parts in zip(jobs, (2, 7), strict=True):
        assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
        spec, pod = job["spec"], job["spec"]["template"]["spec"]
        assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", parts, min(parts, 4))
        assert spec["podFailurePolicy"]["rules"][0] == {
            "action": "Ignore", "onExitCodes": {"containerName": "harness", "operator": "In", "values": [75]}
        }  # fmt: skip
        assert pod["restartPolicy"] == "Never"  # podFailurePolicy needs it
        [container] = pod["containers"]
        assert container["name"] == "harness" and container["workingDir"] == str(tmp_path / "here we are")
        assert container["resources"]["limits"] == {"memory": "32Gi", "nvidia.com/gpu": "1"}
        assert {each["name"] for each in container["volumeMounts"]} == {each["name"] for each in pod["volumes"]}
        shell, option, line = container["command"]
        echo = subprocess.run(
            [shell, option, line.replace("exec harness", "printf '%s\\n'")],
            env={"JOB_COMPLETION_INDEX": "1"}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        wave = job["metadata"]["labels"]["wave"]
        assert echo.stdout.splitlines() == [*ARGUMENTS, "--wave", wave, "--shard", f"2/{parts}"]
    assert made.submit[0] == "kubectl apply --namespace nlp -f {file} -l wave=stages"
    assert made.submit[1].endswith("job/grid-full-stages") and made.submit[2].endswith("-l wave=evaluations")


@pytest.mark.parametrize(
    ("launcher", "options", "said"),
    [
        ("slurm", {"time": "4:00:00\nrm -rf /"}, "the long name of an option of sbatch"),
        ("slurm", {"Time": "4"}, "the long name of an option of sbatch"),
        ("kubernetes", {"image": "a", "claim": "b", "gpu": "1"}, "unknown option 'gpu'"),
        ("kubernetes", {"image": "a"}, "the option 'claim' is missing"),
        ("local", {}, "launcher 'local' writes no batch script"),
    ],
)
def test_options_that_a_scheduler_cannot_have_are_refused(
    launcher: str, options: dict[str, str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        write_script(launcher, submission(tmp_path, options=options), get_registry())


def test_a_launcher_of_scripts_starts_no_jobs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="takes a study as a whole") as raised:
        open_launcher("slurm", tmp_path, None, get_registry(), ProgressListener())
    assert raised.value.hint == "harness study submit NAME --launcher slurm"


def test_the_containers_of_the_kubernetes_jobs_end_with_the_outcome_of_one_process(
    registry: Registry, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command of each container is given to its shell with the index of its pod; what it starts is run here."""
    words = ["--data-dir", str(here / "data"), "--offline", "--device", "cpu", "--train-limit", "4", "--limit", "4"]
    plugin = ["--plugin", str(here / "plugin.py"), "study"]
    assert main([*plugin, "run", "grid", *words, "--out", str(tmp_path / "plain")]) == 0
    out = tmp_path / "study of pods"
    options = ["--launcher", "kubernetes", "--launcher-option", "image=harness:1", "--launcher-option", "claim=data"]
    assert main([*plugin, "submit", "grid", *words, "--out", str(out), "--parts", "2", *options]) == 0
    program = tmp_path / "bin" / "harness"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    program.chmod(0o755)
    waves, ends = [], {}
    for job in yaml.safe_load_all((out / "jobs" / "kubernetes.yaml").read_text(encoding="utf-8")):
        [container] = job["spec"]["template"]["spec"]["containers"]
        assert Path(container["workingDir"]) == Path.cwd()
        waves.append((job["metadata"]["labels"]["wave"], job["spec"]["completions"]))
        for index in range(job["spec"]["completions"]):
            variables = {"PATH": f"{program.parent}:/usr/bin:/bin", "JOB_COMPLETION_INDEX": str(index)}
            given = subprocess.run(container["command"], env=variables, capture_output=True, text=True, check=True)
            ends[waves[-1][0], index] = main(given.stdout.splitlines())
    assert waves == [("stages", 1), ("evaluations", 2)] and set(ends.values()) == {0}
    assert outcome(out) == outcome(tmp_path / "plain")
    assert study_status(out).counts == {"done": 4}


def test_parts_of_a_study_have_jobs_of_other_names(tmp_path: Path) -> None:
    options = {"image": "harness:1", "claim": "data"}
    names = []
    for arm in ("mnli", "mnli > squad", "mnli-squad", "x" * 60, "x" * 61):
        study = replace(submission(tmp_path, options=options), study=f"intermediate-scaling-full-{arm}")
        names += [job["metadata"]["name"] for job in yaml.safe_load_all(indexed_jobs(study).text)]
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name) for name in names)
    assert names[0] == "intermediate-scaling-full-mnli-stages" and len(set(names)) == len(names)


def test_submit_keeps_the_words_of_the_run(
    registry: Registry, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HARNESS_DATA_DIR", str(here / "data"))
    words = ["grid", "--out", str(tmp_path), "--offline", "--device=cpu", "--stop-after", "3h50m", "--parts", "2"]
    assert main(["--plugin", str(here / "plugin.py"), "study", "submit", *words, "--launcher", "slurm"]) == 0
    printed = capsys.readouterr()
    script = tmp_path / "jobs" / "slurm.sh"
    assert printed.out.splitlines()[1] == f"sbatch --array=1-2 --dependency=afterany:$stages {script} evaluations"
    assert "stages: 1 job, evaluations: 3 jobs" in printed.err
    [line] = [line for line in script.read_text().splitlines() if "-m harness.cli" in line]
    typed = shlex.split(line.removesuffix("\\"))[3:]
    plugin = ["--plugin", str(here / "plugin.py"), "study", "run", "grid"]
    assert typed[:5] == plugin and sorted(typed[5:]) == sorted(
        [
            "--out",
            str(tmp_path),
            "--offline",
            "--device",
            "cpu",
            "--stop-after",
            "3h50m",
            "--data-dir",
            str(here / "data"),
        ]
    )
