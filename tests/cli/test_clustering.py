"""The commands on choosing clusters, on a project that `run` made."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from napari_stego.cli.app import app


@pytest.fixture(scope="module")
def project(stego, photographs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("choosing")
    made = stego.small(photographs(folder / "images", 6), folder / "reef.stego")
    stego.json(*made, "-k", 9)
    return folder / "reef.stego"


@pytest.fixture
def call(project):
    """Run a command of the module on the project, by default as JSON."""

    def run(command, *args, succeeds=True, as_json=True):
        words = [command, "--project", *map(str, [project, *args])]
        done = CliRunner().invoke(app, [*words, "--json"] if as_json else words)
        assert done.exit_code == (0 if succeeds else 1), done.output
        return json.loads(done.stdout) if as_json else done.stdout

    return run


def test_cluster_k_measures_what_is_clustered(call):
    values = call("cluster-k", "--ks", "2, 6", "--repeats", 2)
    assert values["source"] == "codes"
    assert [row["clusters"] for row in values["curve"]] == [2, 6]
    for row in values["curve"]:
        assert row["excess"] == pytest.approx(row["agreement"] - row["baseline"])
    assert values["suggested"] in (2, 6, None)
    lines = call("cluster-k", "--ks", "2,6", "--repeats", 2, as_json=False).splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["K", "2", "6"]
    assert lines[1].split()[1] == f"{values['curve'][0]['agreement']:.3f}"
    raw = call("cluster-k", "--ks", "2", "--repeats", 2, "--source", "features")
    assert raw["source"] == "features"


@pytest.mark.parametrize("ks", ["4,many", "1,2", "", "4;8"])
def test_a_list_of_ks_that_is_none_is_refused(call, ks):
    assert "--ks is a list of numbers" in call("cluster-k", "--ks", ks, succeeds=False)["error"]
