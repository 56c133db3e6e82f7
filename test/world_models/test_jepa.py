from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_families import tiny, tiny_config

from wm_planner.errors import UserError
from wm_planner.learning.module import WorldModelModule
from wm_planner.types import Latent, Observation
from wm_planner.world_models.batch import Batch
from wm_planner.world_models.jepa import FAMILY, Jepa, JepaLossConfig, JepaLosses
from wm_planner.world_models.jepa.spread import covariance, sigreg, variance
from wm_planner.world_models.jepa.vit import VisionTransformer, load_weights
from wm_planner.world_models.store import ModelConfig, load_model, save_model

B, T, SIZE, NAN = 4, 8, 32, torch.nan
VIT = {"encoder": "vit", "vit_width": 16, "vit_depth": 2, "vit_heads": 2, "vit_patch": 16}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(*shape: int) -> torch.Tensor:
    size = (*shape, 2, 3, SIZE, SIZE)
    return torch.randint(256, size, dtype=torch.uint8, generator=generator())


def batch(known: float = NAN, felt: bool = True) -> Batch:
    """What no robot is told is `known`: rewards, returns, labels, landmarks, success."""
    proprio = torch.randn(B, T + 1, 8, generator=generator(1))
    actions = torch.rand(B, T, 4, generator=generator(2)) * 2 - 1
    return Batch(
        images(B, T + 1),
        proprio if felt else torch.full_like(proprio, NAN),
        actions,
        rewards=torch.full((B, T), known),
        returns=torch.full((B, T + 1), known),
        labels=torch.full((B, T, 4), known),
        landmarks=torch.full((B, T + 1, 4), known),
        success=torch.full((B, T), known),
    )


def losses(**network) -> JepaLosses:
    torch.manual_seed(0)
    return JepaLosses(Jepa(tiny_config("jepa", **network)), JepaLossConfig())


def test_its_losses_never_look_at_rewards_success_labels_or_landmarks():
    unknown, known = (losses().terms(batch(x), generator()) for x in (NAN, 0.5))
    assert unknown.keys() == known.keys()
    assert all(torch.equal(unknown[name], known[name]) for name in unknown)
    assert all(loss.isfinite() for loss in unknown.values())
    assert unknown.keys() <= {field.name for field in fields(JepaLossConfig)}
    assert not FAMILY.rewards


def test_heads_for_rewards_are_not_trained():
    model = Jepa(tiny_config("jepa"))
    module = WorldModelModule(model, JepaLossConfig(), 10)
    module.weighted(module.losses.terms(batch(), generator())).backward()
    for head in (model.reward, model.value, model.prior, model.success, model.landmarks):
        assert all(weight.grad is None for weight in head.parameters())
    for part in (model.encoder, model.predictor, model.motion, model.distance, model.policy):
        assert all(weight.grad.any() for weight in part.parameters())


def test_nothing_is_said_of_returns():
    model = tiny("jepa")
    rollout = model.rollout(model.example(2), torch.zeros(2, 3, 4, 4))
    for part in (rollout.rewards, rollout.terminal_value, rollout.disagreement):
        assert part.isnan().all()
    assert rollout.latents.isfinite().all()


def test_a_goal_is_what_cameras_show_and_not_what_the_robot_feels():
    model, frames = tiny("jepa"), images(2)
    felt, other, unfelt = (
        model.encode(Observation(frames, proprio)).z
        for proprio in (torch.zeros(2, 8), torch.ones(2, 8), torch.full((2, 8), NAN))
    )
    assert unfelt.isfinite().all() and not torch.equal(felt, other)
    now, actions = model.example(2), torch.zeros(2, 3, 4, 4)
    imagined = model.rollout(now, actions).latents
    for goal in (other, unfelt):
        assert torch.equal(model.goal_features(goal), model.goal_features(felt))
        assert torch.equal(
            model.goal_distance(imagined, goal[:, None, None]),
            model.goal_distance(imagined, felt[:, None, None]),
        )
        plans = [model.propose(now, 4, 3, generator(), Latent(z)) for z in (goal, felt)]
        assert all(torch.equal(a, b) for a, b in zip(*plans, strict=True))
        ways = [model.ahead(now.z, z) for z in (goal, felt)]
        assert torch.equal(*ways)


def test_shapes_of_what_leads_to_goals():
    model = tiny("jepa")
    z = model.example(2).z
    assert model.goal_features(z).shape == (2, model.seen)
    assert model.goal_distance(z[:, None, None].expand(2, 5, 3, -1), z[:, None, None]).shape == (
        2, 5, 3,
    )  # fmt: skip
    assert (model.goal_distance(z, z) >= 0).all()
    assert model.subgoal(Latent(z), Latent(z)).z.shape == z.shape


def test_a_goal_that_is_near_is_its_own_subgoal():
    near, far = (tiny("jepa", subgoal_steps=steps) for steps in (100, 1))
    now, goal = near.example(2), Latent(near.example(3).z[1:])
    assert torch.equal(near.subgoal(now, goal).z, goal.z)
    ahead = far.subgoal(now, goal).z
    assert torch.allclose(far.goal_features(ahead), far.ahead(now.z, goal.z), atol=1e-6)


def test_sequences_without_proprioception_train_too():
    model = losses()
    terms = model.terms(batch(felt=False), generator())
    assert all(loss.isfinite() for loss in terms.values())
    assert terms["motion"] == terms["readout"] == 0
    sum(terms.values()).backward()
    (network,) = model._model
    assert network.unknown.grad.any()
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)


@pytest.mark.parametrize("measure", [variance, covariance, lambda x: sigreg(x, generator())])
def test_what_is_spread_out_costs_little_and_what_collapsed_much(measure):
    spread = torch.randn(4000, 8, generator=generator())
    one = torch.randn(4000, 1, generator=generator())
    collapsed = one.expand(-1, 8) if measure is covariance else spread * 0.01
    assert measure(spread) < 0.05 * measure(collapsed)


def test_variance_alone_does_not_see_features_that_are_copies():
    copies = torch.randn(4000, 1, generator=generator()).expand(-1, 8)
    assert variance(copies) < 0.05 and covariance(copies) > 5
    assert sigreg(copies, generator()) > 10 * sigreg(torch.randn(4000, 8), generator())


def test_it_learns_how_far_a_goal_is():
    """A dot moves three pixels a step: the later the frame, the nearer its last one is."""
    torch.manual_seed(0)
    model = Jepa(tiny_config("jepa"))
    config = JepaLossConfig(unroll=4, later=4, farthest=20.0, flicker=0.0)
    trained = JepaLosses(model, config)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    film, drawn = batch()._replace(images=_moving_dot()), generator()
    for _ in range(60):
        optimizer.zero_grad()
        trained.terms(film, drawn)["distance"].backward()
        optimizer.step()
        trained.after_update()
    with torch.no_grad():
        z = model.embed(film.images, film.proprio)
        far = model.goal_distance(z, z[:, -1:]).mean(0)  # (T + 1,)
    assert torch.corrcoef(torch.stack([far, -torch.arange(T + 1.0)]))[0, 1] > 0.8


def _moving_dot() -> torch.Tensor:
    frames = torch.zeros(B, T + 1, 2, 3, SIZE, SIZE, dtype=torch.uint8)
    for t in range(T + 1):
        frames[:, t, :, :, 12:20, 3 * t : 3 * t + 8] = 255
    return frames


def weights_of(path: Path, **changes) -> Path:
    """A file as others publish them, with a mask token and a classifier."""
    torch.manual_seed(3)
    vit = VisionTransformer(tiny_config("jepa", **{**VIT, **changes}))
    for weight in vit.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    published = {"mask_token": torch.zeros(1, 16), "head.weight": torch.zeros(10, 16)}
    save_file({**vit.state_dict(), **published}, path)
    return path


def test_a_frozen_encoder_comes_from_a_file_and_stays_as_it_is(tmp_path):
    path = weights_of(tmp_path / "vit.safetensors")
    model = Jepa(tiny_config("jepa", **VIT))
    module = WorldModelModule(model, JepaLossConfig(encoder_weights=path), 10)
    stored = load_file(path)
    frozen = {k: v for k, v in model.encoder.each[1].vit.state_dict().items()}
    assert all(torch.equal(frozen[name], stored[name]) for name in frozen)
    module.weighted(module.losses.terms(batch(), generator())).backward()
    assert all(p.grad is None for p in model.encoder.each[0].vit.parameters())
    assert model.encoder.each[0].project.weight.grad.any()
    groups = module.configure_optimizers()["optimizer"].param_groups
    trained = {id(p) for group in groups for p in group["params"]}
    assert not trained & {id(p) for p in model.encoder.each[0].vit.parameters()}
    config = ModelConfig("grasp", "panda", ("front", "wrist"), 10.0, model.config)
    save_model(tmp_path / "model", model, config)
    path.unlink()  # the model's own folder is enough
    again = load_model(tmp_path / "model").world_model
    seen = Observation(images(1), torch.zeros(1, 8))
    assert torch.allclose(again.encode(seen).z, model.eval().encode(seen).z, atol=1e-5)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda w: w.pop("blocks.1.attn.qkv.weight"), "lacks .*blocks.1.attn.qkv.weight"),
        (lambda w: w.update({"pos_embed": torch.zeros(1, 9, 16)}), "pos_embed has shape"),
        (lambda w: w.update({"cls_token": torch.full((1, 1, 16), NAN)}), "cls_token holds NaN"),
        (lambda w: w.update({"blocks.2.norm1.weight": torch.zeros(16)}), "vit_depth is 2"),
    ],
)
def test_weights_that_do_not_fit_are_named(tmp_path, spoil, message):
    path = weights_of(tmp_path / "vit.safetensors")
    weights = load_file(path)
    spoil(weights)
    save_file(weights, path)
    with pytest.raises(UserError, match=message):
        load_weights(VisionTransformer(tiny_config("jepa", **VIT)), path)


def test_blocks_need_not_scale_what_they_add(tmp_path):
    path = weights_of(tmp_path / "vit.safetensors")
    plain = {k: v for k, v in load_file(path).items() if ".ls" not in k}
    save_file(plain, path)
    vit = VisionTransformer(tiny_config("jepa", **VIT))
    load_weights(vit, path)
    assert (vit.blocks[0].ls1["gamma"] == 1).all()


def test_a_file_that_is_none_and_one_that_is_not_wanted_are_named(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"short")
    vit = VisionTransformer(tiny_config("jepa", **VIT))
    for name, message in (("x.safetensors", "not a whole"), ("y.safetensors", "no such file")):
        with pytest.raises(UserError, match=message):
            load_weights(vit, tmp_path / name)
    with pytest.raises(UserError, match="encoder_weights"):
        losses(**VIT)
    with pytest.raises(UserError, match="encoder is conv"):
        JepaLosses(tiny("jepa"), JepaLossConfig(encoder_weights=tmp_path / "x.safetensors"))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"encoder": "resnet"}, "encoder 'resnet'"),
        ({"features": 0}, "features 0"),
        ({"vit_width": 10, "vit_heads": 4}, "vit_width 10"),
        ({"encoder": "vit", "vit_patch": 5}, "vit_patch"),
    ],
)
def test_networks_that_cannot_be_are_named(setting, message):
    with pytest.raises(ValueError, match=message):
        tiny_config("jepa", **setting)
