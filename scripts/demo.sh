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

# Rooms of 40 x 40 pixels become 10 x 10 codes; one or two solids and no patterns, since two minutes a model is little.
# The limits in minutes only matter on slower machines.
rooms=scenes:plain=1,solids=2
size=40
say "training a VQGAN on rooms that are drawn as they are needed"
"$tessera" train vqgan --preset tiny --ch 32 --ch-mult 1,2,2 --set "attn_resolutions=[]" --n-embed 128 --embed-dim 8 \
    --data $rooms --size $size --steps 1800 --minutes 1.9 --batch 4 --recon l2 --disc-weight 0 \
    --codebook ema --beta 0.05 --kmeans 10 --revive 0.02 --lr 1e-3 --adam-beta1 0.8 --adam-beta2 0.95 \
    --warmup 20 --schedule cosine --seed 1 --checkpoint-every 400 --sample-every 400 --out "$out/vqgan"

say "training a prior over the codes of 8000 rooms"
"$tessera" train prior --preset tiny --model "$out/vqgan" --data $rooms,count=8000 --size $size \
    --steps 1500 --minutes 2 --batch 16 --lr 2e-3 --warmup 20 --schedule cosine --seed 1 \
    --checkpoint-every 400 --sample-every 0 --out "$out/prior"

say "looking at pictures that neither has seen"
"$tessera" reconstruct --model "$out/vqgan" $rooms --split held-out --size $size --limit 24 \
    --out "$out/reconstructions.png"
"$tessera" encode --model "$out/vqgan" $rooms --split held-out --size $size --limit 256 --out "$out/codes.safetensors"
"$tessera" eval --model "$out/vqgan" --data $rooms --size $size --limit 256 --json >"$out/vqgan.json"
"$tessera" eval --prior "$out/prior" --model "$out/vqgan" --data $rooms --size $size --limit 256 --json >"$out/prior.json"
"$tessera" sample --prior "$out/prior" --count 24 --top-p 0.9 --temperature 0.9 --seed 3 --no-progress \
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
