"""Where the package's own files are, and how much memory there is."""

import pytest

from tumorsim.resources import available_memory, configs_directory, kernels_directory

GIB = 2**30


@pytest.fixture
def machine(tmp_path):
    """A file tree as Linux shows it, with 8 GiB available."""

    def put(files):
        for name, text in {"proc/meminfo": "MemTotal: 16 kB\nMemAvailable: 8388608 kB\n", **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return put


def test_kernels_and_configs_are_found_beside_the_package():
    assert list(kernels_directory().glob("*.cu"))
    assert configs_directory().is_dir()


def test_without_limits_the_machine_gives_what_it_has(machine):
    assert available_memory(root=machine({})) == 8 * GIB


def test_a_control_group_of_version_2_limits_with_its_parents(machine):
    root = machine(
        {
            "proc/self/cgroup": "0::/slurm/job\n",
            "sys/fs/cgroup/slurm/job/memory.max": "max\n",
            "sys/fs/cgroup/slurm/job/memory.current": "1\n",
            "sys/fs/cgroup/slurm/memory.max": f"{4 * GIB}\n",
            "sys/fs/cgroup/slurm/memory.current": f"{3 * GIB}\n",
            "sys/fs/cgroup/slurm/memory.stat": f"anon 5\ninactive_file {GIB}\n",
        }
    )
    assert available_memory(root=root) == 2 * GIB  # cached files give way


def test_a_control_group_of_version_1_limits_too(machine):
    root = machine(
        {
            "proc/self/cgroup": "4:cpu,memory:/job\n1:pids:/\n",
            "sys/fs/cgroup/memory/job/memory.limit_in_bytes": f"{3 * GIB}\n",
            "sys/fs/cgroup/memory/job/memory.usage_in_bytes": f"{GIB}\n",
        }
    )
    assert available_memory(root=root) == 2 * GIB


def test_a_group_beyond_its_limit_leaves_nothing(machine):
    root = machine(
        {
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/memory.max": "5\n",
            "sys/fs/cgroup/memory.current": "9\n",
        }
    )
    assert available_memory(root=root) == 0


def test_this_machine_has_memory():
    assert available_memory() > 0
