#!/usr/bin/env python3
"""Real model classes with random weights, swapped by the libraries that people
use for it; the output must be the same with and without the shim.

    model_programs.py NAME [--small]          --list names them

Exit status 77: a library is missing.
"""
import sys

from torch_programs import digest, state

import torch

SWAPS = 10


def run_swaps(model, compute, patch=None):
    """In and out, ten times; some with a patch in VRAM and some in RAM."""
    with torch.no_grad():
        for round_ in range(SWAPS):
            model.to("cuda")
            print(round_, "out", digest(compute(model)))
            if patch is not None and round_ % 3 == 1:
                patch(model, 0.01)
            model.to("cpu")
            if patch is not None and round_ % 3 == 2:
                patch(model, -0.01)
            print(round_, "state", state(model))


def add_to_largest(model, by):
    max(model.parameters(), key=lambda p: p.numel()).data.add_(by)


def clip(small):
    from transformers import CLIPTextConfig, CLIPTextModel
    torch.manual_seed(1)
    model = CLIPTextModel(CLIPTextConfig(
        hidden_size=768, intermediate_size=3072,
        num_hidden_layers=2 if small else 12, num_attention_heads=12)).eval()
    ids = torch.arange(77)[None] % 1000
    run_swaps(model, lambda m: m(ids.to("cuda")).last_hidden_state,
              add_to_largest)


def t5(small):
    from transformers import T5Config, T5EncoderModel
    torch.manual_seed(2)
    model = T5EncoderModel(T5Config(
        d_model=1024, d_ff=2816, num_layers=2 if small else 12,
        num_heads=16, d_kv=64)).eval()
    ids = torch.arange(64)[None] % 1000
    run_swaps(model, lambda m: m(ids.to("cuda")).last_hidden_state,
              add_to_largest)


def causal(small):
    import transformers
    torch.manual_seed(4)
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(
        hidden_size=1024, intermediate_size=2816, vocab_size=8192,
        num_hidden_layers=2 if small else 12,
        num_attention_heads=16)).eval().to(torch.float16)


def llama(small):
    ids = torch.arange(32)[None]
    run_swaps(causal(small), lambda m: m(ids.to("cuda")).logits,
              add_to_largest)


def accelerate_hook(small):
    """cpu_offload_with_hook: two models take turns."""
    from accelerate import cpu_offload_with_hook
    first, second = causal(small), causal(small)
    device = torch.device("cuda")
    first, hook = cpu_offload_with_hook(first, device)
    second, hook2 = cpu_offload_with_hook(second, device,
                                          prev_module_hook=hook)
    ids = torch.arange(32)[None]
    with torch.no_grad():
        for round_ in range(SWAPS):
            print(round_, digest(first(ids.to(device)).logits,
                                 second(ids.to(device)).logits))
            hook2.offload()
        hook.offload()
    print("state", state(first), state(second))


def accelerate_dispatch(small):
    """dispatch_model with some layers offloaded to the CPU."""
    from accelerate import dispatch_model
    model = causal(small)
    places = {"model.embed_tokens": 0, "model.norm": 0, "lm_head": 0,
              "model.rotary_emb": 0}
    for i in range(len(model.model.layers)):
        places["model.layers.%d" % i] = 0 if i % 2 else "cpu"
    model = dispatch_model(model, device_map=places, main_device=0)
    ids = torch.arange(32)[None]
    with torch.no_grad():
        for round_ in range(SWAPS):
            print(round_, digest(model(ids.to("cuda")).logits))


def lora(small):
    """peft: merged and unmerged between swaps."""
    from peft import LoraConfig, get_peft_model
    torch.manual_seed(5)
    model = get_peft_model(causal(small).to(torch.float32), LoraConfig(
        r=8, target_modules=["q_proj", "v_proj"], init_lora_weights=False))
    ids = torch.arange(32)[None]
    with torch.no_grad():
        for round_ in range(SWAPS):
            model.to("cuda")
            if round_ % 3 == 1:
                model.merge_adapter()
            print(round_, digest(model(ids.to("cuda")).logits))
            if round_ % 3 == 2:
                model.unmerge_adapter()
            model.to("cpu")
            print(round_, state(model))


class NoRandomNumbers:
    """Models are made without them, which take minutes for these sizes."""

    NAMES = ("uniform_", "normal_")

    def __enter__(self):
        self.saved = {name: getattr(torch.Tensor, name)
                      for name in self.NAMES}
        for name in self.NAMES:
            setattr(torch.Tensor, name, lambda self, *_, **__: self)

    def __exit__(self, *_):
        for name, method in self.saved.items():
            setattr(torch.Tensor, name, method)


def fill(model, seed):
    """Small numbers of no pattern, no two tensors alike."""
    base = torch.randn(1 << 20, generator=torch.Generator().manual_seed(seed))
    for number, (name, parameter) in enumerate(model.named_parameters()):
        flat = parameter.data.view(-1)
        if parameter.dim() == 1:
            flat.fill_(1.0 if name.endswith("weight") else 0.0)
            continue
        part = (base.roll(number * 977) * 0.02).to(parameter.dtype)
        for at in range(0, flat.numel(), part.numel()):
            flat[at:at + part.numel()] = part[:flat.numel() - at]
    return model.eval()


def sdxl_unet(small):
    import diffusers
    wide = (32, 64) if small else (320, 640, 1280)
    down = ["DownBlock2D"] + ["CrossAttnDownBlock2D"] * (len(wide) - 1)
    return diffusers.UNet2DConditionModel(
        sample_size=128, block_out_channels=wide, layers_per_block=2,
        down_block_types=down,
        up_block_types=[name.replace("Down", "Up") for name in down[::-1]],
        transformer_layers_per_block=[1, 2, 10][:len(wide)],
        attention_head_dim=[5, 10, 20][:len(wide)] if not small else 8,
        addition_embed_type="text_time",
        addition_time_embed_dim=8 if small else 256,
        cross_attention_dim=64 if small else 2048,
        projection_class_embeddings_input_dim=80 if small else 2816,
        use_linear_projection=True)


def sdxl_texts(small):
    from transformers import (CLIPTextConfig, CLIPTextModel,
                              CLIPTextModelWithProjection)
    if small:
        both = CLIPTextConfig(hidden_size=32, intermediate_size=37,
                              num_hidden_layers=5, num_attention_heads=4,
                              vocab_size=1000, projection_dim=32)
        return CLIPTextModel(both), CLIPTextModelWithProjection(both)
    return CLIPTextModel(CLIPTextConfig(
        hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
        num_attention_heads=12, projection_dim=768)), \
        CLIPTextModelWithProjection(CLIPTextConfig(
            hidden_size=1280, intermediate_size=5120, num_hidden_layers=32,
            num_attention_heads=20, hidden_act="gelu", projection_dim=1280))


def sdxl_vae(small):
    import diffusers
    wide = [32, 64] if small else [128, 256, 512, 512]
    return diffusers.AutoencoderKL(
        block_out_channels=wide, latent_channels=4, sample_size=1024,
        layers_per_block=2, force_upcast=False,
        down_block_types=["DownEncoderBlock2D"] * len(wide),
        up_block_types=["UpDecoderBlock2D"] * len(wide))


def encode(pipe, ids):
    """As the pipeline does, which needs files for its tokenizers."""
    first = pipe.text_encoder(ids, output_hidden_states=True)
    second = pipe.text_encoder_2(ids, output_hidden_states=True)
    hidden = [first.hidden_states[-2], second.hidden_states[-2]]
    return torch.cat(hidden, -1), second.text_embeds


def diffusers_sdxl(small):
    """A pipeline of SDXL's shape with enable_model_cpu_offload."""
    import diffusers
    torch.set_default_dtype(torch.float16)
    with NoRandomNumbers():
        unet, vae, texts = sdxl_unet(small), sdxl_vae(small), \
            sdxl_texts(small)
    for seed, model in enumerate((unet, vae, *texts)):
        fill(model.to(torch.float16), seed)
    torch.set_default_dtype(torch.float32)
    pipe = diffusers.StableDiffusionXLPipeline(
        vae=vae, unet=unet, text_encoder=texts[0], text_encoder_2=texts[1],
        tokenizer=None, tokenizer_2=None,
        scheduler=diffusers.EulerDiscreteScheduler(), add_watermarker=False)
    pipe.enable_model_cpu_offload()
    pipe.set_progress_bar_config(disable=True)
    side = 64 if small else 256
    for round_ in range(SWAPS):
        with torch.no_grad():
            embeds, pooled = encode(pipe, torch.arange(77)[None].to("cuda"))
        image = pipe(prompt_embeds=embeds, pooled_prompt_embeds=pooled,
                     negative_prompt_embeds=embeds * 0,
                     negative_pooled_prompt_embeds=pooled * 0, height=side,
                     width=side, num_inference_steps=2, output_type="pt",
                     generator=torch.Generator().manual_seed(0)).images
        print(round_, digest(image), digest(embeds), flush=True)
        if round_ % 4 == 1:
            add_to_largest(unet, 0.01)
    print("state", *[state(model) for model in (unet, vae, *texts)])


PROGRAMS = {f.__name__: f for f in (
    clip, t5, llama, accelerate_hook, accelerate_dispatch, lora,
    diffusers_sdxl)}


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(PROGRAMS))
        return 0
    if not torch.cuda.is_available():
        print("no GPU", file=sys.stderr)
        return 77
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        PROGRAMS[sys.argv[1]]("--small" in sys.argv)
    except ImportError as error:
        print(error, file=sys.stderr)
        return 77
    return 0


if __name__ == "__main__":
    sys.exit(main())
