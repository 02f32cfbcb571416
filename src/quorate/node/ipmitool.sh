#!/bin/sh
# ipmitool with its password taken from a file: /etc/quorate/bmc/ADDRESS, ADDRESS as it follows -H.
#
# fence_ipmilan would say -P PASSWORD, and every process of a host can read another's arguments. So it is given no
# password, says -P '', and that is dropped here. A fencing runs this up to five times: hence no Python.

previous='' address=''
for word do
    shift
    case $previous in
        -H) address=$word ;;
        -P) previous='' && continue ;;
    esac
    previous=$word
    [ "$word" = -P ] || set -- "$@" "$word"
done

case $address in
    '' | *[!0-9A-Za-z.:-]* | .*)
        echo "no address after -H, or a strange one: '$address'" >&2
        exit 2
        ;;
esac
exec /usr/bin/ipmitool -f "/etc/quorate/bmc/$address" "$@"
