#compdef rostersync
# Completions of rostersync for zsh: each Tab asks the program itself.
_rostersync() {
    local one value
    local -a found unfinished whole
    found=("${(@f)$(_CLAP_IFS=$'\n' _CLAP_COMPLETE_INDEX=$((CURRENT - 1)) ROSTERSYNC_COMPLETE=zsh \
        ${(Q)~words[1]} -- "${words[@]}" 2>/dev/null)}")
    for one in $found; do
        # A colon inside the value has a backslash; the help follows the first one that has none.
        value=${${one//\\:/$'\0'}%%:*}
        if [[ $value == *[=/,] ]]; then unfinished+=("$one"); else whole+=("$one"); fi
    done
    if (( $#unfinished )); then _describe -V 'values' unfinished -S ''; fi
    if (( $#whole )); then _describe -V 'values' whole; fi
}
if [[ $funcstack[1] == _rostersync ]]; then
    # It lies in a folder of $fpath and is called for the first time.
    _rostersync "$@"
else
    compdef _rostersync rostersync
fi
