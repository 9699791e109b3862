import { isProblem } from '@answerable/sdk'
import { useMutation, useQueryClient } from '@tanstack/react-query'

/** Carries out an act on a conversation, and reads anew what it may have changed. */
export function useAct(id: string, onDone?: () => void) {
  const client = useQueryClient()
  const refresh = () => {
    void client.invalidateQueries({ queryKey: ['conversation', id] })
    void client.invalidateQueries({ queryKey: ['messages', id] })
    void client.invalidateQueries({ queryKey: ['events', id] })
    void client.invalidateQueries({ queryKey: ['conversations'] })
    void client.invalidateQueries({ queryKey: ['overview'] })
  }
  return useMutation({
    mutationFn: (act: () => Promise<unknown>) => act(),
    onSuccess: () => {
      refresh()
      onDone?.()
    },
    // Somebody else was first: show what is true now.
    onError: (error) => {
      if (isProblem(error) && error.status === 409) refresh()
    },
  })
}
