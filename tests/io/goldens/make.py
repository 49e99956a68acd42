"""Makes the files beside it, with NumPy, Pillow and the safetensors package:  python3 make.py
Values are simple formulas, so that the tests can repeat them."""
import os
import numpy as np
from PIL import Image
from safetensors.numpy import save_file

os.chdir(os.path.dirname(os.path.abspath(__file__)))

# ---- tensors
grid = np.arange(6, dtype=np.float32).reshape(2, 3)
np.savez_compressed("compressed.npz", grid=np.asfortranarray(grid), count=np.arange(1000, dtype=np.int64),
                    u2=np.arange(3, dtype=np.uint16), truth=np.array([True, False]), scalar=np.float64(2.5))
np.savez("stored.npz", a=grid, b=grid.astype(np.float16))
np.save("fortran.npy", np.asfortranarray(np.arange(24, dtype=np.int32).reshape(2, 3, 4)))
np.save("big_endian.npy", np.arange(3, dtype=">f4"))
np.save("structured.npy", np.zeros(2, dtype=[("x", "<f4"), ("y", "<i4")]))
save_file({"weight": grid, "bias": np.array([1, -2], np.int64), "flag": np.array([True])}, "official.safetensors",
          metadata={"format": "np", "by": "safetensors"})


# ---- pictures: pixel (y, x) of channel c is (x * (3 + c) + y * (7 - c) * (c + 1) + x * y) % 256
def picture(h, w, c):
    y, x, k = np.mgrid[0:h, 0:w, 0:c]
    return ((x * (3 + k) + y * (7 - k) * (k + 1) + x * y) % 256).astype(np.uint8)


def smooth(h, w, c):
    y, x, k = np.mgrid[0:h, 0:w, 0:c]
    return (127.5 + 60 * np.sin(x / 5 + k) + 60 * np.cos(y / 4 - k)).astype(np.uint8)


rgb = Image.fromarray(smooth(19, 29, 3))
jpegs = {
    "rgb.jpg": (rgb, dict(quality=85)),
    "rgb_444_progressive.jpg": (rgb, dict(quality=95, subsampling=0, progressive=True)),
    "gray.jpg": (rgb.convert("L"), dict(quality=85)),
    "cmyk.jpg": (rgb.convert("CMYK"), dict(quality=90)),
}
for name, (image, options) in jpegs.items():
    image.save(name, **options)
    decoded = Image.open(name)
    decoded = decoded if decoded.mode == "L" else decoded.convert("RGB")
    np.save(name.replace(".jpg", ".npy"), np.asarray(decoded).reshape(19, 29, -1))

# 3 x 2 PNGs of each kind; the test states their pixels
small = picture(2, 3, 4)
Image.fromarray(small).save("rgba.png")
Image.fromarray(small[:, :, :3]).save("rgb.png")
Image.fromarray(small[:, :, 0]).save("gray.png")
Image.fromarray(small[:, :, :2].copy(), "LA").save("gray_alpha.png")
Image.fromarray(small[:, :, 0].astype(np.uint16) * 257 + 1).save("gray16.png")
bits = Image.fromarray(small[:, :, 0] > 20)
bits.save("gray1.png")
palette = Image.fromarray(np.array([[0, 1, 2], [2, 1, 0]], np.uint8), "P")
palette.putpalette([255, 0, 0, 0, 255, 0, 10, 20, 30])
palette.save("palette.png")
palette.save("palette_transparent.png", transparency=1)

# ---- resizing, as Pillow does it: rows first, then columns (in two steps, since Pillow 13 may take the other order)
filters = {"box": Image.BOX, "triangle": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
cases = {}
for name, f in filters.items():
    for h, w in [(5, 7), (31, 40), (13, 9), (6, 20), (1, 1)]:
        out = Image.fromarray(picture(13, 17, 3)).resize((w, 13), f).resize((w, h), f)
        cases[f"{name}_{h}x{w}"] = np.asarray(out)
    gray = Image.fromarray(picture(13, 17, 1)[:, :, 0].astype(np.float32) / 16)
    cases[f"{name}_f32_5x30"] = np.asarray(gray.resize((30, 13), f).resize((30, 5), f)).reshape(5, 30, 1)
np.savez_compressed("resize.npz", **cases)
