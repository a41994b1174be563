import { Button, Center, Stack } from '@mantine/core'
import type { InfiniteData, UseInfiniteQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { Page } from '../api/types'
import { ErrorNotice, LoadingRows } from './Notices'

interface Props<T> {
  pages: UseInfiniteQueryResult<InfiniteData<Page<T>>>
  /** What could not be loaded, as a sentence. */
  failure: string
  /** Instead of a list without rows. */
  empty: ReactNode
  children: (row: T) => ReactNode
}

/** A list that is fetched page by page: loading, failed, empty, or its rows with the way to more. */
export function PagedList<T>({ pages, failure, empty, children }: Props<T>) {
  if (pages.isPending) return <LoadingRows rows={4} />
  if (pages.isError) return <ErrorNotice error={pages.error} what={failure} retry={() => void pages.refetch()} />
  const rows = pages.data.pages.flatMap(page => page.result)
  if (rows.length === 0) return empty
  return (
    <>
      <Stack component="ol" gap="md" className="outcome">
        {rows.map(children)}
      </Stack>
      {pages.hasNextPage && (
        <Center mt="md">
          <Button variant="default" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
            Show more
          </Button>
        </Center>
      )}
    </>
  )
}
