# Completes `backstory` and `npx backstory` in fish. What may follow is asked of the command itself: of the project's own
# (node_modules/.bin, here or above), else of the one in the PATH.

function __backstory_command
    set -l folder $PWD
    while test -n "$folder"
        if test -x $folder/node_modules/.bin/backstory
            echo $folder/node_modules/.bin/backstory
            return
        end
        set folder (string replace -r '/[^/]*$' '' -- $folder)
    end
    command -s backstory
end

function __backstory_complete
    set -l command (__backstory_command)
    test -n "$command"; or return
    set -l before (commandline -opc)
    set -l word (commandline -ct | string unescape; or commandline -ct)
    set -l answer ($command completion fish -- $before "$word" 2>/dev/null </dev/null)
    set -l kind (string split ' ' -- $answer[1])
    # fish quotes what it inserts. Nothing is evaluated.
    if test "$kind[1]" = files
        set -l skipped (string sub -l $kind[2] -- "$word")
        for path in (__fish_complete_path (string sub -s (math $kind[2] + 1) -- "$word"))
            echo -- $skipped$path
        end
    else
        string match -v '' -- $answer[2..]
    end
end

complete -c backstory -f -a '(__backstory_complete)'
complete -c npx -n 'contains -- backstory (commandline -opc)' -f -a '(__backstory_complete)'
