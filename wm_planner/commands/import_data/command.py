"""The import command: recordings of all kinds become a dataset, and what was left out is told."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from wm_planner.assembly import build_arm
from wm_planner.bags.bag import Bag
from wm_planner.commands.import_data.config import ImportConfig
from wm_planner.commands.import_data.foreign import of_lerobot, of_robomimic
from wm_planner.contract import Contract
from wm_planner.errors import UserError
from wm_planner.learning.dataset_writer import DatasetWriter
from wm_planner.learning.lerobot.info import INFO
from wm_planner.nodes.bag_import.importer import BagImporter, Imported

_MOST_TOLD = 40  # episodes
_MOST_NAMED, _LONGEST = 50, 200  # sources, and characters of a name: attributes of HDF5 are small


def import_data(config: ImportConfig) -> Path:
    """Write the dataset; a UserError if there is nothing to write."""
    contract = Contract.load(config.robot)
    described = {
        "env_name": "",
        "type": 2,
        "env_kwargs": {"robot": config.robot},
        "contract": contract.plain(),
        "sources": [path.name[:_LONGEST] for path in config.sources[:_MOST_NAMED]],
    }
    seen = worked = 0
    with DatasetWriter(config.path, described) as writer:
        for source in config.sources:
            for imported in tqdm(_of(source, config, contract), desc=source.name, unit="episode"):
                seen += 1
                if imported.episode is not None:
                    writer.add(imported.episode)
                    worked += imported.episode.success
                if seen <= _MOST_TOLD or imported.notes:
                    tqdm.write(_told(imported))
    if not writer.episodes:
        raise UserError(f"none of {seen} episodes can be taken; what is wrong is told above")
    print(
        f"{writer.episodes} of {seen} episodes, {writer.steps} steps, {worked} successes\n"
        f"data   {config.path}; next: wm_planner check {config.path}"
    )
    return config.path


def _of(source: Path, config: ImportConfig, contract: Contract) -> Iterator[Imported]:
    """The episodes of a source."""
    if (source / INFO).is_file():
        found = of_lerobot(source, config, contract)
    elif source.suffix in (".hdf5", ".h5"):
        found = of_robomimic(source, config, contract)
    else:
        found = _bag(source, config, contract)
    return islice(found, config.episodes or None)


def _bag(source: Path, config: ImportConfig, contract: Contract) -> Iterator[Imported]:
    bag = Bag(source)
    importer = BagImporter(bag, contract, build_arm(config.robot), config.unmarked)
    for note in bag.notes:
        tqdm.write(f"{source}: {note}")
    yield from importer.episodes()


def _told(imported: Imported) -> str:
    """A line for the episode, and one for each thing that was found."""
    episode = imported.episode
    steps = f"{len(episode.actions)} steps" if episode is not None else "not taken"
    lines = [
        f"episode {imported.number}: {imported.verdict}, {steps}, actions by {imported.source}"
    ]
    return "\n    ".join([*lines, *imported.notes])
