#!/bin/sh
# The main job from nothing but `scenes`: train a VQGAN, train its prior, reconstruct held-out pictures, sample new ones.
# Called by ./run demo, which has built the program. Everything lands in out/demo/; about four minutes on two cores.
set -eu
cd "$(dirname "$0")/.."
tessera=${BUILD_DIR:-build}/tessera
out=out/demo
start=$(date +%s)

[ -x "$tessera" ] || { echo "demo: $tessera is not there; ./run demo builds it" >&2; exit 1; }
rm -rf "$out"
mkdir -p "$out"

say() { printf '\n== %s\n' "$*"; }
# number KEY FILE: a figure from a line of JSON.
number() { sed "s/.*\"$1\": \([-0-9.e]*\).*/\1/" "$2"; }

# Rooms of 48 x 48 pixels become 12 x 12 codes. The limits in minutes only matter on slower machines.
size=48
say "training a VQGAN on rooms that are drawn as they are needed"
"$tessera" train vqgan --preset tiny --ch 64 --ch-mult 1,1,1 --n-embed 512 --embed-dim 8 --data scenes --size $size \
    --steps 1400 --minutes 2.7 --batch 4 --recon l2 --disc-weight 0 --codebook ema --beta 0.05 --kmeans 10 --revive 0.02 \
    --lr 1e-3 --warmup 20 --schedule cosine --seed 1 --checkpoint-every 200 --sample-every 200 --out "$out/vqgan"

say "training a prior over the codes of 3000 rooms"
"$tessera" train prior --preset tiny --model "$out/vqgan" --data scenes:count=3000 --size $size \
    --steps 420 --minutes 1.3 --batch 16 --lr 1e-3 --warmup 20 --schedule cosine --seed 1 \
    --checkpoint-every 200 --sample-every 0 --out "$out/prior"

say "looking at pictures that neither has seen"
"$tessera" reconstruct --model "$out/vqgan" scenes --split held-out --size $size --limit 24 \
    --out "$out/reconstructions.png"
"$tessera" encode --model "$out/vqgan" scenes --split held-out --size $size --limit 256 --out "$out/codes.safetensors"
"$tessera" eval --model "$out/vqgan" --data scenes --size $size --limit 256 --json >"$out/vqgan.json"
"$tessera" eval --prior "$out/prior" --model "$out/vqgan" --data scenes --size $size --limit 256 --json >"$out/prior.json"
"$tessera" sample --prior "$out/prior" --count 24 --top-p 0.95 --temperature 0.9 --seed 3 --no-progress \
    --out "$out/samples.png"

psnr=$(number psnr "$out/vqgan.json")
usage=$(number code_usage "$out/vqgan.json")
bits=$(number bits_per_token "$out/prior.json")
unigram=$(number unigram_bits "$out/prior.json")
say "done in $(($(date +%s) - start)) s"
awk -v psnr="$psnr" -v usage="$usage" -v bits="$bits" -v unigram="$unigram" 'BEGIN {
    printf "held-out PSNR    %.2f dB\n", psnr
    printf "code usage       %.1f %% of the codebook\n", 100 * usage
    printf "bits per token   %.3f, %.1f %% below the unigram entropy of the codes, %.3f\n",
        bits, 100 * (1 - bits / unigram), unigram
}'
cat <<END_OF_LIST

$out/reconstructions.png                       held-out rooms, each row above its reconstructions
$out/samples.png                               new rooms
$out/vqgan/checkpoints/last.safetensors        the VQGAN
$out/prior/checkpoints/last.safetensors        the prior
$out/{vqgan,prior}/metrics.jsonl, samples/     how training went; tensorboard --logdir $out shows it
$out/codes.safetensors, vqgan.json, prior.json codes of held-out rooms, and all figures
END_OF_LIST
