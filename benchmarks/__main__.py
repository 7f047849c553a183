"""`python -m benchmarks` is `appliance bench`."""

from benchmarks.command import bench

if __name__ == "__main__":
    bench(prog_name="appliance bench")
