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
    second, hook2 = cpu_offload_with_hook(second, device, prev_module_hook=hook)
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


def diffusers_sdxl(small):
    """A pipeline of SDXL's shape with enable_model_cpu_offload."""
    import diffusers
    from transformers import (CLIPTextConfig, CLIPTextModel,
                              CLIPTextModelWithProjection)
    torch.manual_seed(6)
    wide = (32, 64) if small else (320, 640, 1280)
    down = ["DownBlock2D"] + ["CrossAttnDownBlock2D"] * (len(wide) - 1)
    unet = diffusers.UNet2DConditionModel(
        sample_size=32, block_out_channels=wide, layers_per_block=2,
        down_block_types=down,
        up_block_types=[name.replace("Down", "Up") for name in down[::-1]],
        transformer_layers_per_block=[1] + [2] * (len(wide) - 1),
        attention_head_dim=8, addition_embed_type="text_time",
        addition_time_embed_dim=8 if small else 256, cross_attention_dim=64,
        projection_class_embeddings_input_dim=80 if small else 1568,
        use_linear_projection=True)
    text = CLIPTextConfig(hidden_size=32, intermediate_size=37,
                          num_hidden_layers=5, num_attention_heads=4,
                          vocab_size=1000, projection_dim=32)
    vae = diffusers.AutoencoderKL(
        block_out_channels=[32, 64], latent_channels=4, sample_size=64,
        down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2)
    pipe = diffusers.StableDiffusionXLPipeline(
        vae=vae, unet=unet, text_encoder=CLIPTextModel(text),
        text_encoder_2=CLIPTextModelWithProjection(text), tokenizer=None,
        tokenizer_2=None, scheduler=diffusers.EulerDiscreteScheduler(),
        add_watermarker=False)
    pipe.enable_model_cpu_offload()
    pipe.set_progress_bar_config(disable=True)
    embeds, pooled = torch.ones(1, 77, 64) / 8, torch.ones(1, 32) / 8
    for round_ in range(3):
        image = pipe(prompt_embeds=embeds, pooled_prompt_embeds=pooled,
                     negative_prompt_embeds=embeds * 0,
                     negative_pooled_prompt_embeds=pooled * 0, height=64,
                     width=64, num_inference_steps=2, output_type="pt",
                     generator=torch.Generator().manual_seed(0)).images
        print(round_, digest(image), state(unet))
        if round_ == 1:
            add_to_largest(unet, 0.01)


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
