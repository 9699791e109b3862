import type { View, Wave } from '@answerable/sdk'
import { Link } from 'react-router'
import { useWaves } from '../queries'
import { Icon } from './icon'
import { Ago } from './time'

/** That many people write much the same, as when something is broken. Nothing where none do. */
export function WavesNote({ view }: { view: View }) {
  const waves = useWaves()
  if (!waves.data?.length) return null
  return (
    <div className="waves" role="status">
      {waves.data.map((wave) => (
        <div key={wave.conversations[0]} className="wave">
          <Icon name="warning" />
          <p>
            <strong>{wave.contacts} people write much the same</strong>
            {wave.title && ` (${wave.title})`}, the first <Ago at={wave.since} />; usually {often(wave)}.{' '}
            <Link to={`/${view}/${wave.conversations[0]}`}>Read one of them</Link>
          </p>
        </div>
      ))}
    </div>
  )
}

function often({ usual }: Wave): string {
  if (usual === 0) return 'nobody does'
  return `${usual < 10 ? usual.toFixed(1) : Math.round(usual)} an hour do`
}
