"""What systems and editors leave in folders, and archives made by hand, disturbs nobody."""

import zipfile

import numpy as np
import pandas
import pytest
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.errors import InputError
from graph_barlow_twins.pretrain.graph.datasets import load_dataset
from graph_barlow_twins.pretrain.output.prepare import prepared

EDGES = np.array([[0, 1], [1, 2]])


def leave(folder, *of):
    """All of it, some named after the folder's own files."""
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", ".nfs0001", "Icon\r"):
        (folder / name).write_bytes(b"litter")
    for name in of:
        for start, end in (("._", ""), ("~$", ""), (".~lock.", "#"), ("", "~"), (".", ".swp")):
            (folder / f"{start}{name}{end}").write_bytes(b"litter")
    for name in ("__MACOSX", ".ipynb_checkpoints"):
        (folder / name).mkdir()
        for one in of:
            (folder / name / one).write_bytes(b"litter")


@pytest.mark.parametrize("kind", ["npy", "tables"])
def test_folders_of_graphs(kind, tmp_path):
    if kind == "npy":
        np.save(tmp_path / "features.npy", np.eye(3))
        np.save(tmp_path / "edge_index.npy", EDGES)
        leave(tmp_path, "features.npy", "edge_index.npy")
    else:
        pandas.DataFrame(np.eye(3)).assign(id=range(3)).to_csv(tmp_path / "nodes.csv", index=False)
        pandas.DataFrame(EDGES.T, columns=["u", "v"]).to_csv(tmp_path / "edges.csv", index=False)
        leave(tmp_path, "nodes.csv", "edges.csv", "links.parquet")
    data = load_dataset(f"{kind}:{tmp_path}")
    np.testing.assert_array_equal(data.features, np.eye(3))
    np.testing.assert_array_equal(data.edge_index, [[0, 1, 1, 2], [1, 0, 2, 1]])


def test_archives_zipped_by_hand(tmp_path):
    np.savez(tmp_path / "g.npz", features=np.eye(3), edge_index=EDGES)
    with zipfile.ZipFile(tmp_path / "g.npz", "a") as archive:
        for name in ("__MACOSX/._features.npy", ".DS_Store"):
            archive.writestr(name, b"litter")
    assert load_dataset(f"npz:{tmp_path}/g.npz").num_nodes == 3


@pytest.mark.parametrize("option", ["quiet", "resume", "overwrite"])
def test_a_folder_that_only_systems_have_written_to_is_an_empty_output(option, tmp_path):
    leave(tmp_path)
    for name in ("._config.json", ".~lock.config.json#", "~$config.json", ".config.json.partial"):
        (tmp_path / name).write_bytes(b"litter")
    before = sorted(tmp_path.iterdir())
    with prepared(PretrainConfig(output=tmp_path, **{option: True})) as folder:
        assert folder.root == tmp_path
    assert sorted(tmp_path.iterdir()) == before
    (tmp_path / "thesis.odt").write_text("mine")
    with pytest.raises(InputError), prepared(PretrainConfig(output=tmp_path, resume=True)):
        pass


@pytest.mark.parametrize("name", [".git", ".gitattributes", ".env", "thesis.odt~"])
def test_hidden_files_of_somebody_are_no_litter(name, tmp_path):
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match="not empty"), prepared(PretrainConfig(output=tmp_path)):
        pass
    assert (tmp_path / name).read_text() == "mine"
