#!/bin/sh
# Finds the Chromium that the tests of pages need; root on a Debian gets one, anybody else is told.

is_there() {
    [ -n "$NEWSLETTER_CHROMIUM" ] && set -- "$NEWSLETTER_CHROMIUM" ||
        set -- chromium chromium-browser google-chrome google-chrome-stable
    for name; do command -v "$name" > /dev/null && return 0; done
    return 1
}

is_there && exit 0
if [ -z "$NEWSLETTER_CHROMIUM" ] && [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    echo "Installing Chromium for the tests of pages (apt-get install chromium) ..."
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y chromium > /dev/null
    is_there && exit 0
fi
echo "There is no Chromium on this machine, so the tests of pages are left out."
echo "Install one (on a Debian: sudo apt-get install chromium) or name it in NEWSLETTER_CHROMIUM."
