import type { ReactNode } from 'react'

/** The end of a form in a dialog: away from it, or the one act that it is for. */
export function FormFoot(props: { onCancel: () => void; pending: boolean; children: ReactNode }) {
  return (
    <div className="form-foot">
      <button type="button" className="button" onClick={props.onCancel}>
        Cancel
      </button>
      <button type="submit" className="button primary" disabled={props.pending}>
        {props.children}
      </button>
    </div>
  )
}
