# Sourced by the other scripts: a virtual environment in .venv, and the system libraries that wheels do not bring.
#   install EXTRA [PROGRAM...]   makes .venv if it is missing and installs tumorsim[EXTRA] into it, editable, and the
#                                Debian packages of the programs that are missing
#   PYTHON                       the interpreter to build .venv with (default python3; 3.11 or newer)

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"

# VTK draws through EGL, and the native device needs a C++ compiler.
system_packages() {
    local missing=()
    PATH="$PATH:/sbin:/usr/sbin" ldconfig -p | grep 'libEGL\.so\.1' >/dev/null || missing+=(libegl1)
    compgen -G '/usr/lib/*/dri/*_dri.so' >/dev/null || compgen -G '/usr/lib/*/libgallium*.so' >/dev/null ||
        missing+=(libgl1-mesa-dri)
    command -v "${CXX:-g++}" >/dev/null || missing+=(g++)
    "${PYTHON:-python3}" -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
    for program in "$@"; do
        command -v "$program" >/dev/null || missing+=("$program")
    done
    [ ${#missing[@]} -eq 0 ] && return
    local sudo=""
    [ "$(id -u)" -eq 0 ] || sudo="sudo -n"
    echo "installing system packages: ${missing[*]}"
    if ! { $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive \
           apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null; }; then
        echo "could not install them; ask an administrator for: apt-get install ${missing[*]}" >&2
        [[ " ${missing[*]} " == *" python3-venv "* ]] && exit 1
    fi
    return 0
}

install() {
    system_packages "${@:2}"
    "${PYTHON:-python3}" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        { echo "tumorsim needs Python 3.11 or newer; set PYTHON to one" >&2; exit 1; }
    [ -x .venv/bin/python ] || "${PYTHON:-python3}" -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[$1]"
}
