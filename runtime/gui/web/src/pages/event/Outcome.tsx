import { useExplanation } from '../../api/history'
import { ErrorNotice, LoadingRows } from '../../components/Notices'
import { Section } from '../../components/Section'
import { Steps } from './Steps'

/** What became of an event, step by step: checked, mapped, handed to rules, written to the profile, sent on. */
export function Outcome({ id }: { id: string }) {
  const { data: explanation, error, isPending, refetch } = useExplanation(id)
  return (
    <Section title="What became of it">
      {isPending ? (
        <LoadingRows rows={3} />
      ) : error ? (
        <ErrorNotice error={error} what="It could not be loaded what became of it" retry={() => void refetch()} />
      ) : (
        <Steps explanation={explanation} />
      )}
    </Section>
  )
}
