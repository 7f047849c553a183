#!/usr/bin/env bash
# Makes this checkout runnable: system packages, .venv from the lock files, llama.cpp, models.
# Run again at any time: what is in place is left alone, and what a killed run left half is made anew.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: ./setup.sh [--no-dev] [--no-models]
  --no-dev      leave out the test and lint tools and the embed model that the tests use (a machine that only serves)
  --no-models   leave out the models
environment:
  STATE         where the models go                             (default: .state)
  PYTHON        which Python to use                             (default: the first of 3.11 to 3.14)
  CMAKE_ARGS    more options for llama.cpp, such as -DGGML_CUDA=on
  XDG_CACHE_HOME  where the built llama.cpp wheel is kept       (default: ~/.cache)
TEXT
}

say() { printf '%s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

requirements="requirements-dev.lock"
models=yes
for option in "$@"; do
    case $option in
        --no-dev) requirements=requirements.lock ;;
        --no-models) models=no ;;
        -h | --help) usage; exit ;;
        *) usage >&2; exit 2 ;;
    esac
done
cd "$(dirname "${BASH_SOURCE[0]}")"
exec 9< . # two set-ups of one checkout (make demo beside make test) take turns
flock -n 9 || { say "another set-up of this checkout is running; waiting for it"; flock 9; }

# --- what this set-up is made of -------------------------------------------------------------------------

version=$(sed -n 's/^llama-cpp-python==\([^ ]*\).*/\1/p' llama.lock)
# llava and TLS serve llama.cpp's own tools, which are not used: without them the build is half as long and
# does not change with the libraries that happen to be installed. The user's options come last and win.
export CMAKE_ARGS="-DLLAVA_BUILD=OFF -DLLAMA_OPENSSL=OFF ${CMAKE_ARGS:-}"
# llama.cpp is compiled for this very CPU and linked to this C library: the kept wheel is good for those only.
cpu=$(grep -m 1 -E '^(flags|Features)' /proc/cpuinfo | cut -d : -f 2 | tr ' ' '\n' | sort | tr '\n' ' ' || true)
# shellcheck source=/dev/null
system="$(uname -m)-$(. /etc/os-release && echo "${ID:-linux}${VERSION_ID:-}")"
key=$(printf '%s\n' "format 1" "$CMAKE_ARGS" "$cpu" "$(getconf GNU_LIBC_VERSION)" | sha256sum | cut -c 1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/voice-appliance/wheels
wheels=$cache/$version-$system-$key

environment_stamp() {
    cat build.lock llama.lock "$requirements" | sha256sum
    printf '%s\n' "$requirements" "$PWD" "$wheels" "${PYTHON:-}"
    .venv/bin/python -V # a system upgrade exchanges the Python under an old .venv
}
project_stamp() { sha256sum pyproject.toml; }
stands() { [[ $("$1" 2>&1) == "$(cat ".venv/$1" 2>&1)" ]]; }

# --- progress --------------------------------------------------------------------------------------------

# Shows the output of a long step as a share of its whole: ninja's [n/m], pip's "Collecting" out of $2, or
# the packages that apt unpacks and sets up.
watch() {
    local title=$1 total=${2:-0} step=0 percent shown=-10 line
    while IFS= read -r line; do
        printf '%s\n' "$line" >&3
        if [[ $line =~ \[([0-9]+)/([1-9][0-9]*)\] ]]; then
            step=${BASH_REMATCH[1]} total=${BASH_REMATCH[2]}
        elif [[ $line =~ ([0-9]+)\ newly\ installed ]]; then
            total=$((2 * BASH_REMATCH[1]))
            continue
        elif ((step < total)) && [[ $line =~ ^(Collecting|Unpacking|Setting\ up)\  ]]; then
            step=$((step + 1))
        else
            continue
        fi
        percent=$((100 * step / total))
        if [[ -t 1 ]]; then
            printf '\r  %s %3d %% (%d of %d, %d s) ' "$title" "$percent" "$step" "$total" "$((SECONDS - began))"
        elif ((percent >= shown + 10)); then
            shown=$((percent - percent % 10))
            printf '  %s %3d %% (%d of %d, %d s)\n' "$title" "$percent" "$step" "$total" "$((SECONDS - began))"
        fi
    done
    [[ ! -t 1 || $step == 0 ]] || printf '\n'
}

# long TITLE TOTAL COMMAND...: runs it with progress; everything it says goes to a log, shown on failure only.
long() {
    local title=$1 total=$2 log=.venv/setup.log began=$SECONDS
    shift 2
    if ! "$@" < /dev/null 2>&1 | watch "$title" "$total" 3> "$log"; then
        tail -n 40 "$log" >&2
        die "$title: failed; the whole log is $PWD/$log"
    fi
    say "  $title: done in $((SECONDS - began)) s"
}

# --- system packages -------------------------------------------------------------------------------------

usable() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2> /dev/null; }

find_python() { # the upper bound is where the locked wheels end
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do
        if usable "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    [[ -z ${PYTHON:-} ]] || die "PYTHON=$PYTHON is not a Python 3.11 to 3.14"
}

install_packages() {
    local needed=() as_root=() python
    python=$(find_python)
    if [[ -z $python ]]; then
        needed+=(python3 python3-venv)
    elif ! "$python" -c 'import ensurepip, venv' 2> /dev/null; then
        needed+=("${python##*/}-venv") # Debian keeps this part of the standard library in a package of its own
    fi
    [[ -s /etc/ssl/certs/ca-certificates.crt ]] || needed+=(ca-certificates)
    [[ $requirements != requirements-dev.lock ]] || command -v ssh-keygen > /dev/null ||
        needed+=(openssh-client) # signs the bundles of tests
    if [[ ! -d $wheels ]]; then
        command -v "${CXX:-g++}" > /dev/null || needed+=(g++)
    elif ! PATH=$PATH:/usr/sbin:/sbin ldconfig -p | grep 'libgomp\.so\.1' > /dev/null; then
        needed+=(libgomp1) # the compiler would have brought it, but the kept wheel needs no compiler
    fi
    ((${#needed[@]})) || return 0

    local install=(apt-get install -y --no-install-recommends "${needed[@]}")
    command -v apt-get > /dev/null || die "this system lacks (by their Debian names): ${needed[*]}"
    if ((EUID != 0)); then
        sudo -n true 2> /dev/null || die "some system packages are missing. Install them, then run this again:
    sudo ${install[*]}"
        as_root=(sudo -n)
    fi
    as_root+=(env DEBIAN_FRONTEND=noninteractive)
    say "installing system packages: ${needed[*]}"
    mkdir -p .venv # for the log
    long "package lists" 0 "${as_root[@]}" apt-get update # old lists name packages that are gone
    long "system packages" 0 "${as_root[@]}" "${install[@]}"
}

# --- Python ----------------------------------------------------------------------------------------------

pip() { .venv/bin/python -m pip --disable-pip-version-check --no-input "$@"; }

# The sdist is checked against its hash and the build tools are the locked ones. No cache: pip would hand back
# a wheel that it built earlier with other options. Built aside and moved into place: it is whole or not there.
build_llama() {
    local aside=$wheels.building memory
    mkdir -p "$cache"
    exec 8< "$cache" # checkouts share this cache: the second to come waits, then finds the wheel
    flock 8
    [[ ! -d $wheels ]] || return 0
    rm -rf "$cache"/*.building # nobody else builds while we hold the lock: these were killed
    trap 'rm -rf "$cache"/*.building' EXIT
    mkdir "$aside" "$aside/tmp" "$aside/wheel"
    memory=$(awk '/^MemTotal/ {print int($2 / 1500000) + 1}' /proc/meminfo) # a compiler takes up to 1.5 GB
    export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$((memory < $(nproc) ? memory : $(nproc)))}
    say "compiling llama.cpp for this CPU: once, minutes; options $CMAKE_ARGS"
    # /tmp may be a small memory disk, so the build stays beside its result.
    TMPDIR=$aside/tmp PATH=$PWD/.venv/bin:$PATH long "llama.cpp" 0 \
        pip wheel --verbose --no-cache-dir --no-deps --no-build-isolation --no-binary :all: \
        --require-hashes --requirement llama.lock --wheel-dir "$aside/wheel"
    mv -T "$aside/wheel" "$wheels"
    rm -rf "$aside"
    trap - EXIT
    exec 8<&-
}

make_environment() {
    local python lock
    python=$(find_python)
    [[ -n $python ]] || die "this system has no Python 3.11 to 3.14; name one with PYTHON="
    say "making .venv with $("$python" -V) from $requirements"
    rm -rf .venv
    "$python" -m venv .venv
    for lock in build.lock "$requirements"; do # the first brings the pip that installs the second
        long "$lock" "$(grep -c == "$lock")" pip install --require-hashes --only-binary :all: --requirement "$lock"
    done
    [[ -d $wheels ]] || build_llama
    long "llama.cpp wheel" 0 pip install --no-deps --no-index "$wheels"/*.whl
    .venv/bin/python -c 'import llama_cpp' || die "llama.cpp was built but does not load here (the reason is above).
    Build it anew with: rm -r '$wheels' && ./setup.sh"
    environment_stamp > .venv/environment_stamp
}

install_project() {
    long "the appliance itself" 0 pip install --no-deps --no-build-isolation --editable .
    project_stamp > .venv/project_stamp
}

if ! stands environment_stamp; then
    install_packages
    make_environment
fi
stands project_stamp || install_project
# `appliance bundle` takes the wheel from here, and the options tell it what a CPU must have to run it.
ln -sfn "$wheels" .venv/llama-wheel
[[ ! -d $wheels || -e $wheels/options ]] || printf '%s\n' "$CMAKE_ARGS" > "$wheels/options"
wanted=(starter)
[[ $requirements != requirements-dev.lock ]] || wanted+=(all-minilm-l6-v2) # tests and benchmarks find by meaning
[[ $models == no ]] || .venv/bin/appliance models pull "${wanted[@]}" --state-dir "${STATE:-.state}"
