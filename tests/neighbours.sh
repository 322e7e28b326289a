#!/bin/sh
# Finds what some tests meet besides Python; root on a Debian gets it, anybody else is told.

find_chromium() {
    [ -n "$NEWSLETTER_CHROMIUM" ] && set -- "$NEWSLETTER_CHROMIUM" ||
        set -- chromium chromium-browser google-chrome google-chrome-stable
    for name; do command -v "$name" > /dev/null && return 0; done
    return 1
}

find_libfaketime() {
    for file in /usr/lib/*/faketime/libfaketime.so.1 /usr/local/lib/faketime/libfaketime.so.1; do
        [ -e "$file" ] && return 0
    done
    return 1
}

missing() {
    [ -n "$NEWSLETTER_CHROMIUM" ] || find_chromium || echo chromium
    find_libfaketime || echo libfaketime
    command -v rsync > /dev/null || echo rsync
}

packages=$(missing | tr '\n' ' ')
if [ -n "$packages" ] && [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    echo "Installing what some tests meet (apt-get install ${packages% }) ..."
    # shellcheck disable=SC2086 # several words
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y $packages > /dev/null
fi
find_chromium || {
    echo "There is no Chromium on this machine, so the tests of pages are left out."
    echo "Install one (on a Debian: sudo apt-get install chromium) or name it in NEWSLETTER_CHROMIUM."
}
find_libfaketime || {
    echo "There is no libfaketime on this machine, so the tests of the schedule by the clock are left out."
    echo "Install it (on a Debian: sudo apt-get install libfaketime)."
}
exit 0
